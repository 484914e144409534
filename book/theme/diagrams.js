// Draws the diagrams, in dark colours where the theme is dark. A diagram is drawn once, so another theme is another load.
const isDark = ["ayu", "navy", "coal"].some((theme) => document.documentElement.classList.contains(theme));
// On a phone they keep their size and scroll: legible rather than whole.
const size = { useMaxWidth: window.innerWidth >= 700 };
// Charts have no background of their own; their lines are in colours that are seen on light and on dark.
const xyChart = { backgroundColor: "transparent", plotColorPalette: "#d95f02, #3b82c4, #2e9e6b" };
const ink = ["title", ...["x", "y"].flatMap((axis) => ["Title", "Label", "Tick", "Line"].map((part) => `${axis}Axis${part}`))];
for (const part of ink) xyChart[`${part}Color`] = isDark ? "#c0c0c0" : "#303030";
mermaid.initialize({ startOnLoad: true, theme: isDark ? "dark" : "default", themeVariables: { xyChart }, flowchart: size, sequence: size });
document.getElementById("mdbook-theme-list")?.addEventListener("click", () => setTimeout(() => location.reload()));
