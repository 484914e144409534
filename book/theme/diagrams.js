// Draws the diagrams, in dark colours where the theme is dark. A diagram is drawn once, so another theme is another load.
const isDark = ["ayu", "navy", "coal"].some((theme) => document.documentElement.classList.contains(theme));
// On a phone they keep their size and scroll: legible rather than whole.
const size = { useMaxWidth: window.innerWidth >= 700 };
mermaid.initialize({ startOnLoad: true, theme: isDark ? "dark" : "default", flowchart: size, sequence: size });
document.getElementById("mdbook-theme-list")?.addEventListener("click", () => setTimeout(() => location.reload()));
