# An image of a Windows machine: packer init . && packer build -var wheel=… -var python_installer=… .

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

variable "python_installer" {
  type        = string
  description = "Python's installer for Windows (3.11 to 3.13, 64 bit), a file of this host."
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where it is built; it must be reachable by WinRM from here. Empty: the default network."
}

locals {
  made_at = formatdate("YYYYMMDD-hhmmss", timestamp())
}

source "amazon-ebs" "machine" {
  region         = var.region
  subnet_id      = var.subnet_id
  instance_type  = "m7i.large"
  communicator   = "winrm"
  winrm_username = "Administrator"
  winrm_use_ssl  = true
  winrm_insecure = true # the certificate is the fresh machine's own
  user_data_file = "${path.root}/winrm.ps1"
  ami_name       = "machine-windows-${local.made_at}"
  encrypt_boot   = true
  imds_support   = "v2.0"

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      name                = "Windows_Server-2022-English-Full-Base-*"
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  tags = { Name = "machine-windows" }
}

build {
  sources = ["source.amazon-ebs.machine"]

  provisioner "file" {
    source      = var.wheel
    destination = "C:/Windows/Temp/${basename(var.wheel)}"
  }

  provisioner "file" {
    source      = var.python_installer
    destination = "C:/Windows/Temp/python-installer.exe"
  }

  provisioner "powershell" {
    script           = "${path.root}/install.ps1"
    environment_vars = ["GUEST_WHEEL=C:/Windows/Temp/${basename(var.wheel)}"]
  }
}
