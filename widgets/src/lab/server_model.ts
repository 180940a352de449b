// A volume file on the server, in the shape of the model that the viewer draws from: the same viewer then serves
// notebooks, where a kernel answers, and double-clicked files, where the server does.
import type { Described } from "../generated/transfer";
import type { FromPython, Header, Look, Pull, State, ToPython, Vec3 } from "../viewer/protocol";
import { ask } from "./server";

type Callback = (...values: unknown[]) => void;

export class ServerModel {
  private readonly callbacks = new Map<string, Set<Callback>>();
  private changed = new Set<keyof State>();

  private constructor(
    private readonly path: string,
    private readonly state: State,
  ) {}

  /** Ask the server for the header of the file at `path`; fails with the server's words. */
  static async open(path: string): Promise<ServerModel> {
    const response = await ask("volume", { path });
    const { description, style }: Described = await response.json();
    return new ServerModel(path, {
      panes: "all",
      convention: "radiological",
      tool: "navigate",
      // nobody is there who could be told of what is picked
      _tools: ["navigate", "window", "measure"],
      _removable: [],
      measurements: [],
      crosshair: middle(description.shape, description.affine),
      height: 400,
      empty_text: "",
      _layers: [description],
      _styles: { [description.id]: style },
      _first: [],
      frames: [],
      frame: 0,
      shown_frame: 0,
    });
  }

  get<K extends keyof State>(key: K): State[K] {
    return this.state[key];
  }

  set<K extends keyof State>(key: K, value: State[K]): void {
    this.state[key] = value;
    this.changed.add(key);
  }

  save_changes(): void {
    const changed = this.changed;
    this.changed = new Set();
    for (const key of changed) this.emit(`change:${key}`, this.state[key]);
  }

  on(event: string, callback: Callback): void {
    const known = this.callbacks.get(event) ?? new Set();
    this.callbacks.set(event, known.add(callback));
  }

  off(event?: string | null, callback?: Callback | null): void {
    if (event && callback) this.callbacks.get(event)?.delete(callback);
    else if (event) this.callbacks.delete(event);
    else this.callbacks.clear();
  }

  send(content: unknown): void {
    const message = content as ToPython;
    if (message.type === "pull") void this.pull(message);
    if (message.type === "look") void this.look(message);
  }

  private async look(place: Look): Promise<void> {
    const { version, axis, index } = place;
    try {
      const response = await ask("section", {
        path: this.path,
        version: String(version),
        axis: String(axis),
        index: String(index),
      });
      const [header, buffer] = await voxelsOf(response);
      this.say({ ...place, type: "section", ...header }, [buffer]);
    } catch (error) {
      this.say({ ...place, type: "no-section", cause: (error as Error).message });
    }
  }

  private async pull({ layer, version, level, bricks }: Pull): Promise<void> {
    const known = { layer, version, level };
    for (const index of bricks) {
      try {
        const response = await ask("brick", {
          path: this.path,
          version: String(version),
          level: String(level),
          index: String(index),
        });
        const [header, buffer] = await voxelsOf(response);
        this.say({ type: "brick", ...known, index, ...header }, [buffer]);
      } catch (error) {
        this.say({ type: "refused", ...known, cause: (error as Error).message });
        return;
      }
    }
  }

  private say(message: FromPython, buffers: DataView[] = []): void {
    this.emit("msg:custom", message, buffers);
  }

  private emit(event: string, ...values: unknown[]): void {
    for (const callback of [...(this.callbacks.get(event) ?? [])]) callback(...values);
  }
}

async function voxelsOf(response: Response): Promise<[Header, DataView]> {
  const header: Header = JSON.parse(response.headers.get("X-Volume") ?? "{}");
  return [header, new DataView(await response.arrayBuffer())];
}

function middle(shape: Vec3, affine: number[][]): Vec3 {
  const centre = shape.map((n) => Math.floor((n - 1) / 2));
  return affine.slice(0, 3).map((row) => row[0] * centre[0] + row[1] * centre[1] + row[2] * centre[2] + row[3]) as Vec3;
}
