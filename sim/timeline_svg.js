// Zoom and pan of a timeline in SVG: only the time is scaled, labels stay as they are.
(function () {
  "use strict";
  var root = document.documentElement, time = document.getElementById("time");
  var axis = document.getElementById("axis"), box = root.viewBox.baseVal;
  var left = +root.dataset.left, end = +root.dataset.end, span = box.width - left;
  var scale = 1, shift = 0, drag = null;
  var units = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]];

  function duration(ns) {
    if (ns === 0) return "0";
    var unit = units.filter(function (one) { return Math.abs(ns) >= one[0]; })[0] || units[3];
    return +(ns / unit[0]).toPrecision(4) + " " + unit[1];
  }
  function niceStep(least) {
    var power = Math.pow(10, Math.floor(Math.log10(least)));
    return [1, 2, 5, 10].map(function (n) { return n * power; })
      .filter(function (n) { return n >= least; })[0];
  }
  function element(name, attributes, text) {
    var made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (var key in attributes) made.setAttribute(key, attributes[key]);
    if (text) made.textContent = text;
    axis.appendChild(made);
  }
  function drawAxis() {
    var perUnit = end / span / scale, first = -shift * perUnit, last = first + end / scale;
    var step = niceStep((last - first) / 9);
    while (axis.firstChild) axis.removeChild(axis.firstChild);
    for (var t = Math.ceil(first / step) * step; t <= last; t += step) {
      var x = left + shift + t / perUnit;
      element("line", { x1: x, x2: x, y1: +root.dataset.top, y2: box.height });
      element("text", { x: x + 3, y: +root.dataset.top - 3 }, duration(t));
    }
  }
  function draw() {
    scale = Math.max(1, Math.min(scale, 1e6));
    shift = Math.min(0, Math.max(shift, span - span * scale));
    time.setAttribute("transform",
      "translate(" + (left + shift) + " 0) scale(" + scale + " 1)");
    drawAxis();
  }
  function place(event) {
    var bounds = root.getBoundingClientRect();
    return (event.clientX - bounds.left) / bounds.width * box.width;
  }
  root.addEventListener("wheel", function (event) {
    if (event.shiftKey || event.ctrlKey) return;
    var around = place(event) - left, factor = Math.exp(-event.deltaY * 0.0018);
    event.preventDefault();
    factor = Math.max(1, Math.min(scale * factor, 1e6)) / scale;
    shift = around - (around - shift) * factor;
    scale *= factor;
    draw();
  }, { passive: false });
  root.addEventListener("mousedown", function (event) {
    drag = { at: place(event), shift: shift };
    event.preventDefault();
  });
  window.addEventListener("mousemove", function (event) {
    if (!drag) return;
    shift = drag.shift + place(event) - drag.at;
    draw();
  });
  window.addEventListener("mouseup", function () { drag = null; });
  root.addEventListener("dblclick", function () { scale = 1; shift = 0; draw(); });
  var wanted = /zoom=([\d.]+),([\d.]+)/.exec(location.hash);
  if (wanted) {
    scale = +wanted[1];
    shift = -(+wanted[2]) * span * scale;
  }
  draw();
})();
