# A browser machine is the Linux image with Chromium: packer build -var-file=../browser/flavour.pkrvars.hcl … ../ubuntu
flavour = "browser"
