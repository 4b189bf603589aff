# Counted from the lines that the code writes (engine/support/logs.py): `message` is the line's fixed sentence, `where` what
# else must hold, `labels` its fields, `value` the field whose distribution is wanted. tests/infra/test_terraform.py
# compares every one of them with the code.
locals {
  metrics = {
    "accepted"         = { message = "accepted", where = {}, labels = ["vendor", "status"], value = null, unit = "1", says = "Requests made durable, by what became of their events" }
    "refused"          = { message = "webhook refused", where = {}, labels = ["vendor", "code"], value = null, unit = "1", says = "Requests answered with 4xx or 5xx" }
    "not_durable"      = { message = "not durable", where = {}, labels = ["vendor"], value = null, unit = "1", says = "Requests that could be written down nowhere: 503" }
    "sent_to_salvage"  = { message = "sent to salvage", where = {}, labels = [], value = null, unit = "1", says = "Requests that the journal could not take and the queue did" }
    "not_queued"       = { message = "not queued", where = {}, labels = [], value = null, unit = "1", says = "Work that was journaled and must wait for the sweep" }
    "accept_failed"    = { message = "accept failed", where = {}, labels = ["vendor"], value = null, unit = "1", says = "Requests at which a webhook function broke: 503" }
    "work_failed"      = { message = "work failed", where = {}, labels = ["path"], value = null, unit = "1", says = "Tasks at which the worker broke: 503" }
    "connector_failed" = { message = "connector failed", where = {}, labels = ["vendor"], value = null, unit = "1", says = "Tries at which a connector broke" }
    "parser_failed"    = { message = "parser failed", where = {}, labels = ["vendor"], value = null, unit = "1", says = "Requests at which a connector's parser broke: quarantined" }
    "not_dealt_with"   = { message = "can't be dealt with", where = {}, labels = ["kind"], value = null, unit = "1", says = "Documents at which a sweep or the retention broke" }
    "caller_refused"   = { message = "caller refused", where = {}, labels = ["reason"], value = null, unit = "1", says = "Calls of the worker by somebody who may not" }
    "planned"          = { message = "planned", where = {}, labels = ["type"], value = null, unit = "1", says = "Events planned" }
    "planning_waits"   = { message = "planning waits", where = {}, labels = [], value = null, unit = "1", says = "Events whose planning was put off" }
    "attempts"         = { message = "attempt", where = {}, labels = ["vendor", "status"], value = null, unit = "1", says = "Tries at deliveries, by outcome" }
    "attempt_seconds"  = { message = "attempt", where = {}, labels = ["vendor"], value = "seconds", unit = "s", says = "How long a try takes" }
    "delivery_seconds" = { message = "attempt", where = { status = "succeeded" }, labels = ["vendor"], value = "age_seconds", unit = "s", says = "From a delivery's creation to its success" }
    "deliveries"       = { message = "delivery moved", where = {}, labels = ["status", "flow"], value = null, unit = "1", says = "Deliveries that changed their state" }
    "alerts"           = { message = "alert", where = {}, labels = ["kind", "stage"], value = null, unit = "1", says = "What the product told people" }
    "sweeps"           = { message = "swept", where = {}, labels = [], value = null, unit = "1", says = "Sweeps that ended well" }
    "swept"            = { message = "swept", where = {}, labels = [], value = "count", unit = "1", says = "Work that the sweep had to wake" }
    "overdue_seconds"  = { message = "swept", where = {}, labels = [], value = "age_seconds", unit = "s", says = "How long the oldest wake_at was past" }
    "poll_failed"      = { message = "poll failed", where = {}, labels = ["connection"], value = null, unit = "1", says = "Looks at vendors that failed" }
    "not_recorded"     = { message = "not recorded", where = {}, labels = ["path"], value = null, unit = "1", says = "Tasks whose outcome could not be recorded: 503" }
  }

  our_services = join(" OR ", [for name in concat(var.services.webhooks, [var.services.worker]) : "\"${name}\""])
}

resource "google_logging_metric" "this" {
  for_each    = local.metrics
  name        = "svyazka/${each.key}"
  project     = var.project_id
  description = each.value.says
  filter = join(" AND ", concat(
    [
      "resource.type=\"cloud_run_revision\"",
      "resource.labels.service_name=(${local.our_services})",
      "jsonPayload.message=\"${each.value.message}\"",
    ],
    [for field, value in each.value.where : "jsonPayload.${field}=\"${value}\""],
  ))
  value_extractor  = each.value.value == null ? null : "EXTRACT(jsonPayload.${each.value.value})"
  label_extractors = { for field in each.value.labels : field => "EXTRACT(jsonPayload.${field})" }
  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = each.value.value == null ? "INT64" : "DISTRIBUTION"
    unit         = each.value.unit
    display_name = each.value.says
    dynamic "labels" {
      for_each = toset(each.value.labels)
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }
  dynamic "bucket_options" {
    for_each = each.value.value == null ? [] : [1]
    content {
      # 10 ms to three weeks: a try is quick, a delivery may wait out an outage of 7 days.
      exponential_buckets {
        num_finite_buckets = 40
        growth_factor      = 1.7
        scale              = 0.01
      }
    }
  }
}

# Monitoring refuses a policy on a metric that it doesn't know yet (404), and says itself that it may take ten minutes
# to learn of one. Nothing waits but the policies: functions are built meanwhile. It waits again only when another
# metric is added.
resource "time_sleep" "metrics_are_known" {
  create_duration = "600s"
  triggers        = { metrics = join(",", sort(keys(local.metrics))) }
  depends_on      = [google_logging_metric.this]
}
