# What the platform may do: make machines that carry its tag, look, and stop, start and end those that carry it.

data "aws_caller_identity" "here" {}

locals {
  arn = "arn:aws:ec2:${var.region}:${data.aws_caller_identity.here.account_id}"
}

data "aws_iam_policy_document" "platform" {
  statement {
    sid       = "Look"
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"] # EC2 knows no narrower right to look
  }

  statement {
    sid     = "MakeMachinesWithTheTag"
    actions = ["ec2:RunInstances"]
    resources = [
      "${local.arn}:instance/*",
      "${local.arn}:volume/*",
      "${local.arn}:network-interface/*",
      "${local.arn}:spot-instances-request/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/orchestrator:deployment"
      values   = [var.deployment]
    }
  }

  statement {
    sid       = "FromTheseImagesInThisNetwork"
    actions   = ["ec2:RunInstances"]
    resources = concat(local.images, aws_subnet.machines[*].arn, [aws_security_group.machines.arn])
  }

  # A machine whose metadata answers to anybody who can make it fetch an address is never made.
  statement {
    sid       = "MetadataByTokenOnly"
    effect    = "Deny"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.arn}:instance/*"]

    condition {
      test     = "StringNotEquals"
      variable = "ec2:MetadataHttpTokens"
      values   = ["required"]
    }
  }

  statement {
    sid       = "TagOnlyWhatIsBeingMade"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.arn}:*/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["RunInstances"]
    }
  }

  statement {
    sid       = "HandleWhatCarriesTheTag"
    actions   = ["ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"]
    resources = ["${local.arn}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/orchestrator:deployment"
      values   = [var.deployment]
    }
  }
}

locals {
  images = [for image in distinct(values(var.images)) : "arn:aws:ec2:${var.region}::image/${image}"]
}

resource "aws_iam_policy" "platform" {
  name        = "${var.deployment}-machines-${var.region}"
  description = "The orchestrator's right to its machines in ${var.region}."
  policy      = data.aws_iam_policy_document.platform.json
}

data "aws_iam_policy_document" "trust" {
  count = length(var.trusted_arns) > 0 ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.trusted_arns
    }
  }
}

resource "aws_iam_role" "platform" {
  count = length(var.trusted_arns) > 0 ? 1 : 0

  name               = "${var.deployment}-machines-${var.region}"
  assume_role_policy = data.aws_iam_policy_document.trust[0].json
}

resource "aws_iam_role_policy_attachment" "platform" {
  count = length(var.trusted_arns) > 0 ? 1 : 0

  role       = aws_iam_role.platform[0].name
  policy_arn = aws_iam_policy.platform.arn
}
