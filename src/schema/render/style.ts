/** How text is made fit for its reader: what comes from databases is cleaned, then coloured. */

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

export interface Style {
  paint(colour: Colour, text: string): string
  /** Takes out whatever a terminal would obey. */
  clean(text: string): string
}
