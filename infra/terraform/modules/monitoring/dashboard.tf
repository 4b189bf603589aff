# What a person wants to see: does it come in, does it go out, what waits, what does it cost.
locals {
  free_quota = { writes = 20000, reads = 50000, vcpu_seconds = 6000 } # a day; the last is 180 000 a month

  # The last 24 hours in one number each; `limit`: where it turns red, `full`: shown as a share of this.
  scores = [
    { title = "Requests accepted", of = "accepted", limit = null, full = null },
    { title = "Deliveries succeeded", of = "succeeded", limit = null, full = null },
    { title = "Dead or unknown", of = "moved_lost", limit = 0, full = null },
    { title = "Connections reported down", of = "told_down", limit = 0, full = null },
    { title = "Firestore writes (free: 20 000 a day)", of = "writes", limit = local.free_quota.writes, full = local.free_quota.writes },
    { title = "Firestore reads (free: 50 000 a day)", of = "reads", limit = local.free_quota.reads, full = local.free_quota.reads },
  ]

  charts = [
    { title = "In: accepted, ignored, quarantined, by vendor", of = ["accepted"], bars = true, line = null },
    { title = "Planned, by type of event", of = ["planned"], bars = true, line = null },
    { title = "Time to delivery, p50 and p95 (s)", of = ["delivery_seconds_p50", "delivery_seconds_p95"], bars = false, line = null },
    { title = "Deliveries by new state: retrying, parked, unknown, dead ...", of = ["moved"], bars = true, line = null },
    { title = "Tries, by outcome", of = ["attempts"], bars = true, line = null },
    { title = "Outages and what else people were told", of = ["alerts"], bars = true, line = null },
    { title = "Webhook answers, p50 and p99 (ms)", of = ["webhook_p50", "webhook_p99"], bars = false, line = { value = var.answer_limit * 1000, label = "vendors hang up" } },
    { title = "Webhook answers, by code", of = ["webhook_codes"], bars = true, line = null },
    { title = "Refused, by vendor and code", of = ["refused"], bars = true, line = null },
    { title = "How long a try takes, p50 and p95 (s)", of = ["attempt_seconds_p50", "attempt_seconds_p95"], bars = false, line = null },
    { title = "Queue depth", of = ["queue_depth"], bars = false, line = null },
    { title = "Tasks start late by (ms, median)", of = ["queue_delay"], bars = false, line = null },
    { title = "Oldest wake_at: past by (s, p95)", of = ["overdue_seconds_p95"], bars = false, line = null },
    { title = "What a sweep had to wake (p95)", of = ["swept_p95"], bars = false, line = null },
    { title = "Trouble", of = ["sent_to_salvage", "not_queued", "not_durable", "not_recorded", "planning_waits", "poll_failed", "accept_failed", "work_failed", "connector_failed", "parser_failed", "not_dealt_with", "caller_refused"], bars = true, line = null },
    { title = "Cost: instance seconds a day", of = ["billed"], bars = true, line = { value = local.free_quota.vcpu_seconds, label = "free quota" } },
    { title = "Cost: Firestore writes a day", of = ["writes"], bars = true, line = { value = local.free_quota.writes, label = "free quota" } },
    { title = "Cost: Firestore reads a day", of = ["reads"], bars = true, line = { value = local.free_quota.reads, label = "free quota" } },
  ]

  note = {
    title = "What is, rather than what happened"
    text = {
      format  = "MARKDOWN"
      content = "Open deliveries by state, open outages and costs by tenant: `svyazka stats`, `svyazka deliveries --status ...`, `svyazka alerts`. ${var.runbook_url == null ? "What to do: docs/operations.md" : "[Runbook](${var.runbook_url})"}"
    }
  }
  score_widgets = [for score in local.scores : {
    title = score.title
    scorecard = merge(
      { timeSeriesQuery = { timeSeriesFilter = {
        filter      = local.series[score.of].filter
        aggregation = { alignmentPeriod = "86400s", perSeriesAligner = local.series[score.of].aligner, crossSeriesReducer = local.series[score.of].reducer }
      } } },
      score.full == null ? { sparkChartView = { sparkChartType = "SPARK_LINE" }, gaugeView = null } : { sparkChartView = null, gaugeView = { upperBound = score.full } },
      { thresholds = score.limit == null ? null : [{ value = score.limit, color = "RED", direction = "ABOVE" }] },
    )
  }]
  chart_widgets = [for chart in local.charts : {
    title = chart.title
    xyChart = {
      dataSets = [for name in chart.of : {
        plotType       = chart.bars ? "STACKED_BAR" : "LINE"
        legendTemplate = length(chart.of) > 1 ? name : null
        timeSeriesQuery = { timeSeriesFilter = {
          filter = local.series[name].filter
          aggregation = {
            alignmentPeriod    = "${local.series[name].period}s"
            perSeriesAligner   = local.series[name].aligner
            crossSeriesReducer = local.series[name].reducer
            groupByFields      = length(local.series[name].by) == 0 ? null : local.series[name].by
          }
        } }
      }]
      thresholds = chart.line == null ? null : [chart.line]
      yAxis      = { scale = "LINEAR" }
    }
  }]
  tiles = concat(
    [{ xPos = 0, yPos = 0, width = 48, height = 4, widget = local.note }],
    [for i, widget in local.score_widgets : { xPos = 8 * i, yPos = 4, width = 8, height = 8, widget = widget }],
    [for i, widget in local.chart_widgets : { xPos = 24 * (i % 2), yPos = 12 + 14 * floor(i / 2), width = 24, height = 14, widget = widget }],
  )
  dashboard = jsonencode({ displayName = "Svyazka", mosaicLayout = { columns = 48, tiles = local.tiles } })
}

resource "google_monitoring_dashboard" "this" {
  project = var.project_id
  # The service leaves out what is null or 0 when it is asked; if we sent it, every plan would find a difference.
  dashboard_json = replace(replace(local.dashboard, "/\"[A-Za-z]+\":(null|0),/", ""), "/,\"[A-Za-z]+\":(null|0)([,}])/", "$2")
  depends_on     = [time_sleep.metrics_are_known]
}
