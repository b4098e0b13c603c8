// One place to import rendering from: html`...` templates and hooks.
import { h, render, Fragment } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { render, Fragment };
export { useState, useEffect, useMemo, useRef, useCallback, useLayoutEffect } from "./vendor/hooks.js";
