// Paths on the machine of the kernel, which may be of either kind: with / or with \.

/** Return the folder and the name that a path is made of; the folder of a file at the root is the root. */
export function cutPath(path: string): [folder: string, name: string] {
  const cut = path.lastIndexOf(separator(path));
  return [path.slice(0, isRoot(path.slice(0, cut + 1)) ? cut + 1 : Math.max(cut, 0)), path.slice(cut + 1)];
}

/** Return the path of a name in a folder; the name alone where there is no folder. */
export function joinPath(folder: string, name: string): string {
  if (!folder) return name;
  const between = separator(folder);
  return folder.endsWith(between) ? folder + name : folder + between + name;
}

/** Return which of `endings` a name has; empty where it has none of them. */
export function endingOf(name: string, endings: string[]): string {
  const found = endings.filter((ending) => name.toLowerCase().endsWith(ending));
  return found.sort((a, b) => b.length - a.length)[0] ?? "";
}

/** Return a name with another ending: in place of one of `endings`, or after what has none of them. */
export function withEnding(name: string, ending: string, endings: string[]): string {
  return name.slice(0, name.length - endingOf(name, endings).length) + ending;
}

function separator(path: string): string {
  return path.includes("\\") && !path.startsWith("/") ? "\\" : "/";
}

function isRoot(folder: string): boolean {
  return folder === "/" || /^[A-Za-z]:\\$/.test(folder);
}
