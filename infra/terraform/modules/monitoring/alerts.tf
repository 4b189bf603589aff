# One policy an entry; its name is its anchor in the runbook. `what` is a series of series.tf.
locals {
  alerts = {
    "connection-down" = {
      title    = "A connection has been down for hours"
      severity = "ERROR"
      text     = "A vendor has not answered one connection since the tenant's `alerts.after` (3 h by default). Its deliveries are parked, nothing is lost."
      any      = [{ what = "told_down", above = 0, for = 0 }]
    }
    "connection-blocked" = {
      title    = "A connection needs a person"
      severity = "WARNING"
      text     = "A vendor refuses our credentials or settings, will soon, has stopped calling us or can't be asked. What waits resumes by itself once it is put right."
      any = [
        { what = "told_blocked", above = 0, for = 0 },
        { what = "told_access", above = 0, for = 0 },
        { what = "told_refused", above = 0, for = 0 },
      ]
    }
    "deliveries-lost" = {
      title    = "Deliveries dead or unknown"
      severity = "ERROR"
      text     = "A delivery ran out of its horizon, or nobody knows whether its vendor carried it out, or it was carried out twice."
      any = [
        { what = "told_lost", above = 0, for = 0 },
        { what = "moved_lost", above = 0, for = 0 },
      ]
    }
    "events-unreadable" = {
      title    = "A vendor sent what can't be read"
      severity = "WARNING"
      text     = "Events are in quarantine: their bytes are kept, no flow has acted on them. A flood at a front door is among them: svyazka held. Or a site's one-time codes run out, or are read by nobody."
      any = [
        { what = "told_quarantined", above = 0, for = 0 },
        { what = "told_codes", above = 0, for = 0 },
      ]
    }
    "asks" = {
      title    = "Something waits for a person's word"
      severity = "WARNING"
      text     = "Systems in step differ where only a person can say who is right (svyazka sync status), long work stopped (svyazka jobs), or a payment, a receipt or a subscription shows what none should (svyazka payments, receipts, subscriptions)."
      any = [
        { what = "told_in_step", above = 0, for = 0 },
        { what = "told_job", above = 0, for = 0 },
        { what = "told_payment", above = 0, for = 0 },
      ]
    }
    "events-missed" = {
      title    = "A gap that cannot be recovered from here"
      severity = "ERROR"
      text     = "We did not look at a vendor for longer than it lets us look back."
      any      = [{ what = "told_gap", above = 0, for = 0 }]
    }
    "webhook-5xx" = {
      title    = "Webhook functions answer 5xx"
      severity = "CRITICAL"
      text     = "Vendors are told to come again. Those that don't repeat lose events unless polling finds them."
      any      = [{ what = "webhook_5xx", above = 0, for = 60 }]
    }
    "too-busy" = {
      title    = "Calls are turned away for want of instances"
      severity = "CRITICAL"
      text     = "The platform answers 429 because every instance that a function may have is busy. Vendors that don't repeat lose events unless polling finds them; tasks of the worker are repeated, later and later."
      any = [
        { what = "webhook_429", above = 0, for = 0 },
        { what = "worker_429", above = 0, for = 300 },
      ]
    }
    "webhook-slow" = {
      title    = "Webhook answers near ${var.answer_limit} s"
      severity = "WARNING"
      text     = "The slowest hundredth of answers comes near the time at which vendors hang up."
      any      = [{ what = "webhook_p99", above = var.answer_limit * 1000 * 0.75, for = 300 }]
    }
    "not-durable" = {
      title    = "Nothing could be written down"
      severity = "CRITICAL"
      text     = "Journal and queue were both out of reach for a request: it was answered 503."
      any      = [{ what = "not_durable", above = 0, for = 0 }]
    }
    "not-recorded" = {
      title    = "The worker can't record outcomes"
      severity = "ERROR"
      text     = "Tasks end with 503 because the journal is out of reach or a setting can't be used, or the worker fails before it can say so. They are repeated."
      any = [
        { what = "not_recorded", above = 0, for = 300 },
        { what = "worker_5xx", above = 0, for = 300 },
      ]
    }
    "code-failed" = {
      title    = "Our own code broke"
      severity = "ERROR"
      text     = "An exception that no table foresaw. The request was answered 503 or is in quarantine, the delivery is retried; the log line names the place."
      any = [
        { what = "accept_failed", above = 0, for = 0 },
        { what = "work_failed", above = 0, for = 0 },
        { what = "connector_failed", above = 0, for = 0 },
        { what = "parser_failed", above = 0, for = 0 },
        { what = "not_dealt_with", above = 0, for = 0 },
      ]
    }
    "sweep-silent" = {
      title    = "The sweep is silent"
      severity = "CRITICAL"
      text     = "No sweep has ended well for 10 minutes: what the queue forgets stays forgotten, outages aren't watched."
      any      = [{ what = "sweeps", absent = 600 }]
    }
    "queue-late" = {
      title    = "Tasks start late"
      severity = "WARNING"
      text     = "Half of a queue's tasks start more than 5 minutes after they were due."
      any      = [{ what = "queue_delay", above = 300000, for = 300 }]
    }
    "queue-deep" = {
      title    = "A queue grows"
      severity = "WARNING"
      text     = "More than 10 000 tasks lie in one queue."
      any      = [{ what = "queue_depth", above = 10000, for = 900 }]
    }
    "function-unreachable" = {
      title    = "A webhook function can't be reached"
      severity = "CRITICAL"
      text     = "Uptime checks from outside fail."
      any      = [{ what = "uptime_failed", above = 1, for = 300 }]
    }
  }
}

# Whoever is woken reads what to do in the message itself: the guide's paragraph with the alert's name. Its links to
# other paragraphs lead to the guide on the web, if there is one.
locals {
  guide = { for part in split("\n### ", var.runbook) : split("\n", part)[0] => trimspace(split("\n## ", part)[0]) }
  paragraphs = { for name in keys(local.alerts) : name => (var.runbook_url == null
    ? replace(trimprefix(local.guide[name], name), "/\\[([^\\]]+)\\]\\(#[^)]+\\)/", "`$1`")
    : replace(trimprefix(local.guide[name], name), "](#", "](${var.runbook_url}#")
  ) }
}

resource "google_monitoring_alert_policy" "this" {
  for_each              = { for name, alert in local.alerts : name => alert if !contains(var.alerts_off, name) }
  project               = var.project_id
  display_name          = "Svyazka: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  dynamic "conditions" {
    for_each = { for i, c in each.value.any : "${each.key}-${i}" => merge(local.series[c.what], { above = null, for = null, absent = null }, c) }
    content {
      display_name = conditions.value.what
      dynamic "condition_threshold" {
        for_each = conditions.value.absent == null ? [conditions.value] : []
        content {
          filter          = condition_threshold.value.filter
          comparison      = "COMPARISON_GT"
          threshold_value = condition_threshold.value.above
          duration        = "${condition_threshold.value.for}s"
          aggregations {
            alignment_period     = "${condition_threshold.value.period}s"
            per_series_aligner   = condition_threshold.value.aligner
            cross_series_reducer = condition_threshold.value.reducer
            group_by_fields      = condition_threshold.value.by
          }
          trigger {
            count = 1
          }
        }
      }
      dynamic "condition_absent" {
        for_each = conditions.value.absent == null ? [] : [conditions.value]
        content {
          filter   = condition_absent.value.filter
          duration = "${condition_absent.value.absent}s"
          aggregations {
            alignment_period     = "${condition_absent.value.period}s"
            per_series_aligner   = condition_absent.value.aligner
            cross_series_reducer = condition_absent.value.reducer
          }
          trigger {
            count = 1
          }
        }
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    subject   = "Svyazka ${var.project_id}: ${each.value.title}"
    mime_type = "text/markdown"
    content   = local.paragraphs[each.key]
    dynamic "links" {
      for_each = var.runbook_url == null ? [] : [var.runbook_url]
      content {
        display_name = "Runbook"
        url          = "${links.value}#${each.key}"
      }
    }
  }
  depends_on = [time_sleep.metrics_are_known]
}
