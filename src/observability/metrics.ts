/**
 * The metrics of this process. Counters and histograms are raised where things happen; values that live in the
 * control database are set by collectors when somebody looks.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { App } from '../api/app.ts'
import { messageOf } from '../lib/errors.ts'
import { renderStoredHistograms } from './stored-histogram.ts'
import { CATALOGUE, type MetricDefinition } from './catalogue.ts'

type Label<D extends MetricDefinition> = D['labels'][number]
type MetricOf<D extends MetricDefinition> = D['type'] extends 'counter'
  ? Counter<Label<D>>
  : D['type'] extends 'gauge'
    ? Gauge<Label<D>>
    : Histogram<Label<D>>

const registry = new Registry()

function make(definition: MetricDefinition): Counter | Gauge | Histogram {
  const { name, help, labels, buckets } = definition
  const options = { name, help, labelNames: [...labels], registers: [registry] }
  switch (definition.type) {
    case 'counter':
      return new Counter(options)
    case 'gauge':
      return new Gauge(options)
    case 'histogram':
      return new Histogram({ ...options, ...(buckets === undefined ? {} : { buckets: [...buckets] }) })
    default:
      return definition.type satisfies never
  }
}

/** One metric per row of the catalogue, under the row's key. */
export const metrics = Object.fromEntries(
  Object.entries(CATALOGUE).map(([key, definition]) => [key, make(definition)]),
) as { readonly [Key in keyof typeof CATALOGUE]: MetricOf<(typeof CATALOGUE)[Key]> }

/** Sets metrics from what the control database says; runs at each scrape. */
export type Collect = (app: App) => Promise<void>

const collectors = new Map<string, Collect>()

/** Adds a collector; one that throws is reported by `tenantry_collector_up` and the log. */
export function registerCollector(name: string, collect: Collect): void {
  if (collectors.has(name)) throw new Error(`the collector ${name} is registered twice`)
  collectors.set(name, collect)
}

let scrape: Promise<string> | undefined

/** The text that Prometheus reads. Scrapes that overlap share one collection. */
export function renderMetrics(app: App): Promise<string> {
  scrape ??= collectAndRender(app).finally(() => {
    scrape = undefined
  })
  return scrape
}

async function collectAndRender(app: App): Promise<string> {
  startDefaultMetrics()
  await Promise.all(
    [...collectors].map(async ([collector, collect]) => {
      try {
        await collect(app)
        metrics.collectorUp.set({ collector }, 1)
      } catch (error) {
        metrics.collectorUp.set({ collector }, 0)
        app.log.error({ collector, err: messageOf(error) }, 'a metrics collector failed')
      }
    }),
  )
  return `${await registry.metrics()}\n${renderStoredHistograms()}`
}

export const METRICS_CONTENT_TYPE = registry.contentType

let defaultsStarted = false

/** Process and runtime metrics, from the first scrape on: their observers cost a little all the time. */
function startDefaultMetrics(): void {
  if (defaultsStarted) return
  defaultsStarted = true
  collectDefaultMetrics({ register: registry })
}
