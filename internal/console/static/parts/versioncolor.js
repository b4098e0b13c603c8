// A colour for each version, the same on every page: neighbours differ.
export const versionColor = (number) => "v" + ((number - 1) % 8);
