// What no stream tells: measured numbers, read again every few seconds while
// somebody can see them.
import { useEffect } from "../html.js";
import { useGet } from "../api.js";

export const visible = () => document.visibilityState === "visible";

// useRefreshed is useGet, every so many seconds while the page is visible, and at
// once when it becomes so.
export function useRefreshed(path, seconds, deps = []) {
  const got = useGet(path, deps);
  useEffect(() => {
    if (path === null) return undefined;
    const look = () => visible() && got.again();
    const timer = setInterval(look, seconds * 1000);
    document.addEventListener("visibilitychange", look);
    return () => { clearInterval(timer); document.removeEventListener("visibilitychange", look); };
  }, [path, seconds]);
  return got;
}
