# Makes a machine of a fresh Windows Server with its desktop, as an administrator. Run twice, it changes nothing more.
#   GUEST_WHEEL    the guest's wheel, a file
# A service has no desktop, so the guest runs as a task in the session of `desk`, who is signed in at boot.
$ErrorActionPreference = 'Stop'

$folder = "$env:ProgramFiles\machine-guest"
$state = "$env:ProgramData\machine-guest"
$python = "$env:ProgramFiles\Python\python.exe"
$winlogon = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon'

function Invoke-Checked([string]$program, [string[]]$arguments) {
    $ended = Start-Process -FilePath $program -ArgumentList $arguments -Wait -PassThru -NoNewWindow
    if ($ended.ExitCode -ne 0) { throw "$program ended with $($ended.ExitCode)" }
}

# --- Python and the guest
if (-not (Test-Path $python)) {
    Invoke-Checked 'C:\Windows\Temp\python-installer.exe' @(
        '/quiet', 'InstallAllUsers=1', 'PrependPath=0', 'Include_test=0', 'Include_launcher=0',
        "`"TargetDir=$env:ProgramFiles\Python`"")
}
if (-not (Test-Path "$folder\Scripts\python.exe")) { Invoke-Checked $python @('-m', 'venv', "`"$folder`"") }
Invoke-Checked "$folder\Scripts\python.exe" @('-m', 'pip', 'install', '--quiet', '--upgrade', "`"$env:GUEST_WHEEL`"")

# --- Who owns the desktop: an ordinary user with a password that nobody knows, changed at every build
$alphabet = [char[]](48..57 + 65..90 + 97..122)
$bytes = New-Object byte[] 40
[System.Security.Cryptography.RandomNumberGenerator]::Create().GetBytes($bytes)
$password = -join ($bytes | ForEach-Object { $alphabet[$_ % $alphabet.Length] }) + 'aA1!'
$secure = ConvertTo-SecureString $password -AsPlainText -Force
if (Get-LocalUser -Name 'desk' -ErrorAction SilentlyContinue) {
    Set-LocalUser -Name 'desk' -Password $secure
} else {
    New-LocalUser -Name 'desk' -Password $secure -PasswordNeverExpires -UserMayNotChangePassword | Out-Null
    Add-LocalGroupMember -Group 'Users' -Member 'desk'
}

# --- Signed in at boot, never locked. The password in the registry opens nothing but this desktop: no way leads in.
Set-ItemProperty $winlogon AutoAdminLogon '1'
Set-ItemProperty $winlogon DefaultUserName 'desk'
Set-ItemProperty $winlogon DefaultDomainName '.'
Set-ItemProperty $winlogon DefaultPassword $password
Remove-ItemProperty $winlogon AutoLogonCount -ErrorAction SilentlyContinue
Set-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Terminal Server' fDenyTSConnections 1
$policy = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows\Personalization'
New-Item -Path $policy -Force | Out-Null
Set-ItemProperty $policy NoLockScreen 1 -Type DWord
& powercfg.exe /change monitor-timeout-ac 0
& powercfg.exe /change standby-timeout-ac 0
Set-ItemProperty 'HKLM:\SOFTWARE\Microsoft\ServerManager' DoNotOpenServerManagerAtLogon 1 -Type DWord

# --- What works on the desktop needs none of the cloud's own addresses: what the first boot was told is read there
$sid = (Get-LocalUser -Name 'desk').SID.Value
Remove-NetFirewallRule -Name 'machine-guest-metadata' -ErrorAction SilentlyContinue
New-NetFirewallRule -Name 'machine-guest-metadata' -DisplayName 'No cloud metadata for the desktop' -Direction Outbound `
    -RemoteAddress 169.254.169.254 -LocalUser "D:(A;;CC;;;$sid)" -Action Block | Out-Null

# --- The guest's folder and its task; the first boot's script enables it
New-Item -ItemType Directory -Force -Path $state | Out-Null
Remove-Item "$state\guest.json", "$state\bootstrap.json", "$state\claim" -ErrorAction SilentlyContinue
[System.IO.File]::WriteAllText("$state\places.json", (@{
    home = 'C:\Users\desk'; runtime_dir = "$state\run"; private_dir = "$state\private" } | ConvertTo-Json))
& icacls.exe $state /inheritance:r /grant 'SYSTEM:(OI)(CI)F' 'Administrators:(OI)(CI)F' 'desk:(OI)(CI)M' | Out-Null

$action = New-ScheduledTaskAction -Execute "$folder\Scripts\pythonw.exe" -WorkingDirectory $state `
    -Argument "-P -m guest --bootstrap `"$state`""
$trigger = New-ScheduledTaskTrigger -AtLogOn -User 'desk'
$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) `
    -ExecutionTimeLimit ([TimeSpan]::Zero) -MultipleInstances IgnoreNew -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
$principal = New-ScheduledTaskPrincipal -UserId 'desk' -LogonType Interactive -RunLevel Limited
Register-ScheduledTask -TaskName 'machine-guest' -Action $action -Trigger $trigger -Settings $settings `
    -Principal $principal -Force | Out-Null
Disable-ScheduledTask -TaskName 'machine-guest' | Out-Null

# --- Packer's way in goes; the next boot is a first boot. Not by Sysprep, which would take the sign-in away again.
Remove-NetFirewallRule -Name 'packer-winrm' -ErrorAction SilentlyContinue
& "$env:ProgramFiles\Amazon\EC2Launch\EC2Launch.exe" reset
