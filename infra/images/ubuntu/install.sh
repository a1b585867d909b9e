#!/bin/sh
# Makes a machine of a fresh Debian 12, as root: install.sh WHEEL FLAVOUR. Run twice, it changes nothing more.
set -eu

wheel="$1"
flavour="$2"
export DEBIAN_FRONTEND=noninteractive

apt-get update -q
apt-get install -y -q --no-install-recommends python3-venv
python3 -m venv /opt/machine-guest
/opt/machine-guest/bin/pip install --quiet --disable-pip-version-check --upgrade "$wheel"
/opt/machine-guest/bin/machine-guest-install --flavour "$flavour"
systemctl enable machine-guest.service

# What makes one machine another: none of it belongs into an image.
rm -f /var/lib/machine-guest/guest.json /var/lib/machine-guest/bootstrap.json /var/lib/machine-guest/claim
apt-get clean
cloud-init clean --logs --machine-id || true
