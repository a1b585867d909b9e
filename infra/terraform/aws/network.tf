# A network of the machines' own. They dial out; nothing dials in, nor from one machine to another.

data "aws_availability_zones" "here" {
  state = "available"
}

resource "aws_vpc" "machines" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = false

  tags = { Name = "${var.deployment}-machines" }
}

resource "aws_internet_gateway" "out" {
  vpc_id = aws_vpc.machines.id

  tags = { Name = "${var.deployment}-machines" }
}

resource "aws_subnet" "machines" {
  count = var.zones

  vpc_id            = aws_vpc.machines.id
  availability_zone = data.aws_availability_zones.here.names[count.index]
  cidr_block        = cidrsubnet(var.cidr, 4, count.index)
  # A public address to dial out by costs less than a NAT gateway, and with no way in it opens none.
  map_public_ip_on_launch = true

  tags = { Name = "${var.deployment}-machines-${count.index}" }
}

resource "aws_route_table" "out" {
  vpc_id = aws_vpc.machines.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.out.id
  }

  tags = { Name = "${var.deployment}-machines" }
}

resource "aws_route_table_association" "out" {
  count = var.zones

  subnet_id      = aws_subnet.machines[count.index].id
  route_table_id = aws_route_table.out.id
}

# The one that every VPC has lets its members talk to each other; without rules it lets nobody.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.machines.id
}

resource "aws_security_group" "machines" {
  name        = "${var.deployment}-machines"
  description = "Machines of tenants: no way in, the web and the platform out."
  vpc_id      = aws_vpc.machines.id

  # No ingress at all.

  egress {
    description = "The web, and the gateway by wss"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    description = "The web without TLS, and package mirrors"
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = { Name = "${var.deployment}-machines" }
}
