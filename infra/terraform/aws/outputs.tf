# What the platform is told of it.

output "policy_arn" {
  description = "Attach it to what web and worker run as, where no role was made."
  value       = aws_iam_policy.platform.arn
}

output "role_arn" {
  description = "The role to assume by a profile of ~/.aws/config; null where none was asked for."
  value       = one(aws_iam_role.platform[*].arn)
}

output "providers_toml" {
  description = "An entry of PROVIDERS_FILE: terraform output -raw providers_toml > providers.toml"
  value       = <<-EOT
    [aws-${var.region}]
    driver = "ec2"
    boot_within_s = 240
    region = "${var.region}"
    deployment = "${var.deployment}"
    subnets = ${jsonencode(aws_subnet.machines[*].id)}
    security_groups = ${jsonencode([aws_security_group.machines.id])}
    sizes = { ${join(", ", [for name, memory in var.sizes : "\"${name}\" = ${memory}"])} }
    %{for flavour, image in var.images}
    [aws-${var.region}.flavours.${flavour}]
    image = "${image}"
    spot = ${contains(var.spot, flavour)}
    %{endfor}
  EOT
}
