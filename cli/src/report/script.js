// The slider: what a threshold does, from the numbers that stand in this page.
'use strict'
document.documentElement.classList.add('scripted')

const percent = (share) => `${(100 * share).toFixed(1)} %`
const text = (value, digits = 3) => (value == null ? '–' : value.toFixed(digits))

for (const chooser of document.querySelectorAll('.chooser')) {
  const data = JSON.parse(chooser.querySelector('script').textContent)
  const select = chooser.querySelector('select')
  const slider = chooser.querySelector('input')
  const show = (name, value) => {
    const place = chooser.querySelector(`[data-show="${name}"]`)
    if (place) place.textContent = value
  }
  const svg = document.querySelector(`#${chooser.dataset.marks} svg`)
  const mark = svg && svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'circle'))
  if (mark) {
    mark.setAttribute('r', '7')
    mark.setAttribute('fill', 'none')
    mark.setAttribute('stroke-width', '3')
    mark.setAttribute('stroke', 'var(--text)')
  }
  const update = () => {
    const points = data[select.value]
    slider.max = String(points.length - 1)
    const point = points[Number(slider.value)]
    const said =
      `threshold ${text(point.threshold, 4)}, ${percent(point.strong_share)} to strong, quality ${text(point.quality)}` +
      (point.cost_per_1000 == null ? '' : `, ${text(point.cost_per_1000, 2)} USD per 1,000 requests`)
    slider.setAttribute('aria-valuetext', said)
    show('threshold', text(point.threshold, 4))
    show('share', percent(point.strong_share))
    show('quality', text(point.quality))
    show('cost', point.cost_per_1000 == null ? '–' : `$${text(point.cost_per_1000, 2)}`)
    show('pgr', point.pgr == null ? '–' : percent(point.pgr))
    if (mark) {
      const [left, right, top, bottom] = svg.dataset.area.split(' ').map(Number)
      const [x0, x1, y0, y1] = svg.dataset.range.split(' ').map(Number)
      mark.setAttribute('cx', String(left + ((right - left) * (point.strong_share - x0)) / (x1 - x0)))
      mark.setAttribute('cy', String(bottom - ((bottom - top) * (point.quality - y0)) / (y1 - y0)))
    }
  }
  const nearHalf = () => {
    const points = data[select.value]
    let best = 0
    points.forEach((point, i) => {
      if (Math.abs(point.strong_share - 0.5) < Math.abs(points[best].strong_share - 0.5)) best = i
    })
    slider.max = String(points.length - 1)
    slider.value = String(best)
  }
  select.addEventListener('change', () => {
    nearHalf()
    update()
  })
  slider.addEventListener('input', update)
  nearHalf()
  update()
}
