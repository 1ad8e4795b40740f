// Headings become buttons that sort their table: as numbers where the cells begin with one, else as words.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    // A number with its unit, as in 1,234 [1,200, 1,300], 1.20 GB or 35%; dates and names are words.
    const found = text.match(/^(-?[\d,]*\.?\d+)(x|\b(?![-:T/]))(?: (kB|MB|GB))?/);
    if (!found) return text;
    const unit = { kB: 1e3, MB: 1e6, GB: 1e9 }[found[3]] || 1;
    return unit * parseFloat(found[1].replace(/,/g, ""));
  };
  Array.from(table.tHead.rows[0].cells).forEach((heading, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "descending";
      const order = down ? 1 : -1;
      const rows = Array.from(body.rows).sort((a, b) => {
        const [x, y] = [value(a, i), value(b, i)];
        if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
        return order * (typeof x === "number" ? x - y : x.localeCompare(y));
      });
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "ascending" : "descending");
      body.append(...rows);
    });
  });
}
