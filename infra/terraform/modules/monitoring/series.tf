# Every series that an alert or the dashboard looks at, once.
locals {
  ours     = { for name in keys(local.metrics) : name => "logging.googleapis.com/user/svyazka/${name}" }
  run      = "resource.type=\"cloud_run_revision\""
  webhooks = "resource.labels.service_name=one_of(${join(",", [for s in var.services.webhooks : "\"${s}\""])})"
  queues   = "resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=one_of(${join(",", [for q in var.queues : "\"${q}\""])})"

  # From our own lines
  counted = { for name, s in {
    accepted         = { metric = "accepted", where = "", by = ["vendor", "status"] }
    planned          = { metric = "planned", where = "", by = ["type"] }
    refused          = { metric = "refused", where = "", by = ["vendor", "code"] }
    attempts         = { metric = "attempts", where = "", by = ["status"] }
    succeeded        = { metric = "deliveries", where = " AND metric.labels.status=\"succeeded\"", by = [] }
    moved            = { metric = "deliveries", where = "", by = ["status"] }
    alerts           = { metric = "alerts", where = "", by = ["kind", "stage"] }
    sent_to_salvage  = { metric = "sent_to_salvage", where = "", by = [] }
    not_queued       = { metric = "not_queued", where = "", by = [] }
    accept_failed    = { metric = "accept_failed", where = "", by = ["vendor"] }
    work_failed      = { metric = "work_failed", where = "", by = ["path"] }
    connector_failed = { metric = "connector_failed", where = "", by = ["vendor"] }
    parser_failed    = { metric = "parser_failed", where = "", by = ["vendor"] }
    not_dealt_with   = { metric = "not_dealt_with", where = "", by = ["kind"] }
    caller_refused   = { metric = "caller_refused", where = "", by = ["reason"] }
    planning_waits   = { metric = "planning_waits", where = "", by = [] }
    poll_failed      = { metric = "poll_failed", where = "", by = ["connection"] }
    not_durable      = { metric = "not_durable", where = "", by = [] }
    not_recorded     = { metric = "not_recorded", where = "", by = [] }
    sweeps           = { metric = "sweeps", where = "", by = [] }
    told_down        = { metric = "alerts", where = " AND metric.labels.kind=\"outage\" AND metric.labels.stage=\"down\"", by = [] }
    told_blocked     = { metric = "alerts", where = " AND metric.labels.stage=\"blocked\"", by = [] }
    told_access      = { metric = "alerts", where = " AND metric.labels.kind=one_of(\"access\",\"foreign\",\"hook\",\"poll\",\"settings\",\"silent\") AND metric.labels.stage!=\"recovered\"", by = [] }
    told_refused     = { metric = "alerts", where = " AND metric.labels.kind=starts_with(\"refused\")", by = [] }
    told_lost        = { metric = "alerts", where = " AND metric.labels.kind=one_of(\"dead\",\"unknown\",\"duplicate_effect\")", by = [] }
    told_quarantined = { metric = "alerts", where = " AND metric.labels.kind=one_of(\"quarantined\",\"flood\",\"min_fill\")", by = [] }
    told_codes       = { metric = "alerts", where = " AND metric.labels.kind=starts_with(\"codes\")", by = [] }
    told_in_step     = { metric = "alerts", where = " AND metric.labels.kind=one_of(\"in_step_asks\",\"in_step_drifts\",\"in_step_held\",\"in_step_waits\")", by = [] }
    told_job         = { metric = "alerts", where = " AND metric.labels.kind=starts_with(\"job\")", by = [] }
    told_payment     = { metric = "alerts", where = " AND metric.labels.kind=one_of(\"no_order\",\"payment\",\"receipt\",\"subscription\")", by = [] }
    told_gap         = { metric = "alerts", where = " AND metric.labels.kind=\"gap\"", by = [] }
    moved_lost       = { metric = "deliveries", where = " AND metric.labels.status=one_of(\"dead\",\"unknown\")", by = [] }
    } : name => {
    filter  = "${local.run} AND metric.type=\"${local.ours[s.metric]}\"${s.where}"
    aligner = "ALIGN_DELTA"
    reducer = "REDUCE_SUM"
    period  = 300
    by      = [for label in s.by : "metric.labels.${label}"]
  } }
  spread = { for pair in setproduct(["delivery_seconds", "attempt_seconds", "swept", "overdue_seconds"], [50, 95]) : "${pair[0]}_p${pair[1]}" => {
    filter  = "${local.run} AND metric.type=\"${local.ours[pair[0]]}\""
    aligner = "ALIGN_DELTA"
    reducer = "REDUCE_PERCENTILE_${pair[1]}"
    period  = 300
    by      = []
  } }

  # From the platform
  platform = {
    webhook_5xx   = { filter = "${local.run} AND ${local.webhooks} AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 60, by = ["resource.labels.service_name"] }
    worker_5xx    = { filter = "${local.run} AND resource.labels.service_name=\"${var.services.worker}\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 60, by = [] }
    webhook_429   = { filter = "${local.run} AND ${local.webhooks} AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code=\"429\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 60, by = ["resource.labels.service_name"] }
    worker_429    = { filter = "${local.run} AND resource.labels.service_name=\"${var.services.worker}\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code=\"429\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 60, by = [] }
    webhook_codes = { filter = "${local.run} AND ${local.webhooks} AND metric.type=\"run.googleapis.com/request_count\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 300, by = ["metric.labels.response_code"] }
    webhook_p50   = { filter = "${local.run} AND ${local.webhooks} AND metric.type=\"run.googleapis.com/request_latencies\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_50", period = 300, by = ["resource.labels.service_name"] }
    webhook_p99   = { filter = "${local.run} AND ${local.webhooks} AND metric.type=\"run.googleapis.com/request_latencies\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_99", period = 300, by = ["resource.labels.service_name"] }
    queue_depth   = { filter = "${local.queues} AND metric.type=\"cloudtasks.googleapis.com/queue/depth\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", period = 300, by = ["resource.labels.queue_id"] }
    queue_delay   = { filter = "${local.queues} AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_50", period = 300, by = ["resource.labels.queue_id"] }
    billed        = { filter = "${local.run} AND metric.type=\"run.googleapis.com/container/billable_instance_time\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 86400, by = ["resource.labels.service_name"] }
    writes        = { filter = "resource.type=\"firestore.googleapis.com/Database\" AND metric.type=\"firestore.googleapis.com/document/write_ops_count\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 86400, by = [] }
    reads         = { filter = "resource.type=\"firestore.googleapis.com/Database\" AND metric.type=\"firestore.googleapis.com/document/read_ops_count\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = 86400, by = [] }
    uptime_failed = { filter = "resource.type=\"uptime_url\" AND metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id=starts_with(\"svyazka-\")", aligner = "ALIGN_NEXT_OLDER", reducer = "REDUCE_COUNT_FALSE", period = 1200, by = ["metric.labels.check_id"] }
  }

  series = merge(local.counted, local.spread, local.platform)
}
