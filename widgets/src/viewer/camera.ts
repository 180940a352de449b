/** How the user has turned, moved and magnified the views. */
export interface Camera {
  pan: number[];
  scale: number;
  azimuth: number;
  elevation: number;
}
