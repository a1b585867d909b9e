<powershell>
# For Packer alone: WinRM over TLS with a certificate of the machine's own. install.ps1 takes it away again.
$certificate = New-SelfSignedCertificate -DnsName 'packer' -CertStoreLocation Cert:\LocalMachine\My
New-Item -Path WSMan:\localhost\Listener -Transport HTTPS -Address * -CertificateThumbPrint $certificate.Thumbprint -Force
New-NetFirewallRule -Name 'packer-winrm' -DisplayName 'packer-winrm' -Direction Inbound -Protocol TCP -LocalPort 5986 -Action Allow
Set-Item -Path WSMan:\localhost\Service\Auth\Basic -Value $true
</powershell>
