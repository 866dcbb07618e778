for (const plot of document.querySelectorAll(".plot")) {
  const {x, at, bars, lines} = JSON.parse(plot.querySelector("script").textContent);
  const end = Number(plot.dataset.x), unit = plot.dataset.unit;
  const rod = plot.appendChild(Object.assign(document.createElement("div"), {className: "rod"}));
  const tip = plot.appendChild(Object.assign(document.createElement("div"), {className: "tip"}));
  plot.addEventListener("pointermove", event => {
    if (!x.length) return;
    const box = plot.getBoundingClientRect();
    const wanted = (event.clientX - box.left) / box.width * end;
    let i = 0;
    if (bars) { while (i + 1 < x.length && x[i + 1] <= wanted) i++; }
    else { for (let j = 1; j < x.length; j++) if (Math.abs(x[j] - wanted) < Math.abs(x[i] - wanted)) i = j; }
    const left = (bars && i + 1 < x.length ? (x[i] + x[i + 1]) / 2 : x[i]) / end * box.width;
    const rows = lines.map(([name, values, low]) => `${name}: ${low ? low[i] + " to " : ""}${values[i]} ${unit}`);
    tip.replaceChildren(...[bars ? at[i] : `at ${at[i]}`, ...rows].map(row =>
      Object.assign(document.createElement("div"), {textContent: row})));
    rod.style.display = tip.style.display = "block";
    rod.style.left = `${left}px`;
    tip.style.left = `${Math.max(0, Math.min(left + 10, box.width - tip.offsetWidth))}px`;
  });
  plot.addEventListener("pointerleave", () => { rod.style.display = tip.style.display = "none"; });
}
