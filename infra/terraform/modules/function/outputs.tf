output "url" {
  description = "The address that ends with the function's name."
  value       = google_cloudfunctions2_function.this.url
}

output "uri" {
  description = "The address of the Cloud Run service."
  value       = google_cloudfunctions2_function.this.service_config[0].uri
}

output "service" {
  description = "The Cloud Run service's name, as the resource says it."
  value       = basename(google_cloudfunctions2_function.this.service_config[0].service)
}

output "name" {
  value = google_cloudfunctions2_function.this.name
}

output "invokers" {
  description = "Everybody who may call."
  value = concat(
    [for grant in google_cloud_run_service_iam_member.public : grant.member],
    [for grant in google_cloud_run_service_iam_member.invoker : grant.member],
  )
}

output "ingress" {
  value = google_cloudfunctions2_function.this.service_config[0].ingress_settings
}

output "timeout" {
  value = google_cloudfunctions2_function.this.service_config[0].timeout_seconds
}

output "secrets" {
  description = "Environment variables that hold secrets."
  value       = sort([for s in google_cloudfunctions2_function.this.service_config[0].secret_environment_variables : s.key])
}

output "environment" {
  value = google_cloudfunctions2_function.this.service_config[0].environment_variables
}

output "network" {
  description = "Whether calls leave through a network of ours, and which; null for the platform's own way out."
  value       = one(google_cloudfunctions2_function.this.service_config[0].direct_vpc_network_interface[*].network)
}
