// Small help with the document.

export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`no element '${id}'`)
  return element as T
}

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, text = '', className = ''): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (text) element.textContent = text
  if (className) element.className = className
  return element
}

/** Writes only what changed, so that a screen reader and the layout are left in peace. */
export function setText(element: Element, text: string) {
  if (element.textContent !== text) element.textContent = text
}

/** A row of radio buttons in a fieldset, remade when the choices change. */
export function choices(fieldset: HTMLElement, name: string, values: readonly [string, string][], chosen: string, onChoose: (value: string) => void) {
  const key = JSON.stringify([values, chosen])
  if (fieldset.dataset.key === key) return
  fieldset.dataset.key = key
  const focused = fieldset.contains(document.activeElement)
  fieldset.querySelectorAll('label').forEach((label) => label.remove())
  for (const [value, text] of values) {
    const label = make('label')
    const input = make('input')
    input.type = 'radio'
    input.name = name
    input.value = value
    input.checked = value === chosen
    input.onchange = () => onChoose(value)
    label.append(input, make('span', text))
    fieldset.append(label)
    if (focused && input.checked) input.focus()
  }
}
