# An image of a Linux machine: packer init . && packer build -var wheel=../../../dist/machine_guest-….whl .

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.3"
    }
  }
}

variable "wheel" {
  type        = string
  description = "The guest's wheel, a file of this host."
}

variable "flavour" {
  type    = string
  default = "ubuntu"

  validation {
    condition     = contains(["ubuntu", "browser"], var.flavour)
    error_message = "The flavour is ubuntu or browser."
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where it is built; it must be reachable by SSH from here. Empty: the default network."
}

locals {
  made_at = formatdate("YYYYMMDD-hhmmss", timestamp())
}

source "amazon-ebs" "machine" {
  region        = var.region
  subnet_id     = var.subnet_id
  instance_type = "t3.medium"
  ssh_username  = "admin"
  ami_name      = "machine-${var.flavour}-${local.made_at}"
  encrypt_boot  = true
  imds_support  = "v2.0"

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true
    filters = {
      name                = "debian-12-amd64-*"
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = 12
    volume_type           = "gp3"
    delete_on_termination = true
  }

  tags = { Name = "machine-${var.flavour}" }
}

build {
  sources = ["source.amazon-ebs.machine"]

  provisioner "file" {
    source      = var.wheel
    destination = "/tmp/${basename(var.wheel)}"
  }

  provisioner "shell" {
    script          = "${path.root}/install.sh"
    execute_command = "chmod +x {{ .Path }}; sudo {{ .Path }} /tmp/${basename(var.wheel)} ${var.flavour}"
  }
}
