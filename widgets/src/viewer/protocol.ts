// What the viewer and Python say to each other: Python's types, generated, under the names that the viewer has for them.
//
// State (traits) is small and holds no voxels: what layers there are, how they are shown, where the crosshair is.
// Voxels travel as answers to "pull": the browser asks for bricks, so nothing is lost if it starts late.

import type { Header, LayerInfo, LevelInfo } from "../generated/transfer";
import type { Viewer } from "../generated/viewer";

export type { Style } from "../generated/layer";
export type { Measurement } from "../generated/pointing";
export type { Look, NoSection, Section } from "../generated/sections";
export type { Still } from "../generated/still";
export type { Header, LabelInfo, LayerInfo, LevelInfo } from "../generated/transfer";
export type { Brick, Click, Pull, Refused } from "../generated/viewer";

export type State = Viewer["state"];
export type ToPython = Viewer["hears"];
export type FromPython = Viewer["says"];

export type Vec3 = State["crosshair"];
export type Panes = State["panes"];
export type Convention = State["convention"];
export type Tool = State["tool"];
export type Space = LayerInfo["space"];
export type Affine = LevelInfo["affine"];
export type WireType = Header["dtype"];
