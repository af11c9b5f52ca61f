package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// debian is the folder with a Debian that has systemd.
func debian(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("METERD_SYSTEMD")
	if dir == "" {
		t.Skip("METERD_SYSTEMD is not set; make test-systemd sets it")
	}
	return dir
}

// show gives a property of the service.
func (m *machine) show(property string) string {
	m.t.Helper()
	return strings.TrimSpace(m.do("systemctl show --value -p " + property + " meterd"))
}

// TestSystemd installs the .deb in a Debian on the ARM machine, and has its
// systemd run it: it starts, is started again when it is killed and when it
// hangs, can do what it must and nothing else, is upgraded and removed.
func TestSystemd(t *testing.T) {
	from := debian(t)
	s := newSite(t, 2)
	dir, err := os.MkdirTemp("", "systemd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	flash := filepath.Join(dir, "flash.img")
	copyFile(t, filepath.Join(from, "root.img"), flash)
	config := strings.ReplaceAll(s.config("en"), `"/data/`, `"/var/lib/meterd/`) + "[clock]\nset = true\n"
	config = strings.Replace(config, "[board]\nwatchdog = \"/dev/watchdog\"\n", "", 1) // systemd is who watches
	file := filepath.Join(dir, "meterd.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.0.0", "1.0.1"} {
		packed := filepath.Join(dir, version)
		cmd := exec.Command("./pack", filepath.Join(filepath.Dir(parts(t))), packed, version)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("pack: %v: %s", err, out)
		}
		tool(t, "debugfs", "-w", "-R", "write "+filepath.Join(packed, "meterd_"+version+"_armhf.deb")+" root/"+version+".deb", flash)
	}
	tool(t, "debugfs", "-w", "-R", "write "+file+" root/meterd.toml", flash)
	m := start(t, dir, []string{"-m", "256", "-kernel", filepath.Join(parts(t), "debian/vmlinuz"), "-initrd", filepath.Join(from, "initrd"), "-append", "console=ttyAMA0 panic=1 quiet net.ifnames=0"})
	s.wire(m)
	m.ready()
	m.wait("an interface", func() bool { _, code := m.try("ip link show eth0"); return code == "0" })
	m.do("ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up && ip route add default via 10.0.2.2")

	t.Log("installed: enabled, and not started before it has a configuration")
	m.do("dpkg -i /root/1.0.0.deb")
	if enabled, active := m.do("systemctl is-enabled meterd"), m.show("ActiveState"); !strings.Contains(enabled, "enabled") || active != "inactive" {
		t.Errorf("it is %s, %s", strings.TrimSpace(enabled), active)
	}
	m.do("cp /root/meterd.toml /etc/meterd/meterd.toml && systemctl start meterd")
	m.wait("values at the platform", func() bool { return s.stored() > 0 })
	if active := m.show("ActiveState"); active != "active" {
		t.Errorf("it is %s", active)
	}
	m.wait("a line in its journal", func() bool {
		out, status := m.try("journalctl --namespace meterd --no-pager")
		return status == "0" && strings.Contains(out, "meterd runs")
	})

	t.Log("hardened: what it may, and what not")
	pid := m.show("MainPID")
	status := m.do("cat /proc/" + pid + "/status")
	for _, want := range []string{"CapEff:\t0000000002600002", "CapBnd:\t0000000002600002", "NoNewPrivs:\t1", "Seccomp:\t2"} { // SYS_ADMIN SYS_BOOT SYS_TIME DAC_OVERRIDE
		if !strings.Contains(status, want) {
			t.Errorf("its process lacks %q:\n%s", want, status)
		}
	}
	within := "nsenter -t " + pid + " -m sh -c "
	for _, what := range []string{"touch /usr/x", "touch /etc/x", "ls /home", "ls /root", "touch /var/lib/x"} {
		if out, code := m.try(within + "'" + what + "'"); code == "0" && out != "" || code == "0" && strings.HasPrefix(what, "touch") {
			t.Errorf("it can %s: %s", what, out)
		}
	}
	m.do(within + "'touch /etc/meterd/x /var/lib/meterd/x && rm /etc/meterd/x /var/lib/meterd/x'")
	join := "sh -c 'echo $$ >/sys/fs/cgroup/system.slice/meterd.service/cgroup.procs; "
	if out, code := m.try(join + "head -c 1 /dev/vda >/dev/null'"); code == "0" {
		t.Errorf("it can read the disk: %s", out)
	}
	m.do(join + ": </dev/ttyS2'")

	t.Log("the clock")
	m.do("date -s 2020-01-01")
	m.wait("the clock is set", func() bool { return !strings.Contains(m.do("date +%Y"), "2020") })

	t.Log("a stick")
	stick := m.stick("more", map[string]string{"meterd.toml": config + "[gateway.x]\n"})
	m.plug(stick)
	m.reported(stick, "REFUSED")
	m.pull()
	stick = m.stick("good", map[string]string{"meterd.toml": strings.Replace(config, `every  = "1s"`, `every  = "2s"`, 1)})
	m.plug(stick)
	m.reported(stick, `result: TAKEN OVER\r`)
	m.pull()
	s.goesOn(m, 2)

	t.Log("killed")
	m.do("kill -9 " + m.show("MainPID"))
	m.wait("another process", func() bool { return m.show("NRestarts") == "1" && m.show("ActiveState") == "active" })
	s.goesOn(m, 2)

	t.Log("hangs")
	if every := m.show("WatchdogUSec"); every != "2min" {
		t.Errorf("it is watched every %s", every)
	}
	m.do("mkdir -p /run/systemd/system/meterd.service.d && printf '[Service]\\nWatchdogSec=20\\nTimeoutAbortSec=5\\n' >/run/systemd/system/meterd.service.d/soon.conf && systemctl daemon-reload && systemctl restart meterd")
	before := m.show("NRestarts")
	s.goesOn(m, 2)
	m.do("kill -STOP " + m.show("MainPID"))
	m.wait("the watchdog starts it again", func() bool { return m.show("NRestarts") != before && m.show("ActiveState") == "active" })
	if out := m.do("journalctl --no-pager -u meterd"); !strings.Contains(out, "Watchdog timeout") {
		t.Errorf("systemd does not tell why:\n%s", out)
	}
	s.goesOn(m, 2)

	t.Log("upgraded, with its configuration")
	m.do("rm -r /run/systemd/system/meterd.service.d && dpkg -i /root/1.0.1.deb")
	m.wait("it runs again", func() bool { return m.show("ActiveState") == "active" })
	s.goesOn(m, 2)
	if out := m.do("dpkg -s meterd"); !strings.Contains(out, "Version: 1.0.1") {
		t.Errorf("dpkg says\n%s", out)
	}
	m.do("grep -q 'every  = \"2s\"' /etc/meterd/meterd.toml")

	t.Log("removed, and purged: the readings stay")
	m.do("dpkg -r meterd")
	if out, code := m.try("systemctl is-active meterd || pidof meterd"); code == "0" {
		t.Errorf("it still runs: %s", out)
	}
	m.do("test -s /etc/meterd/meterd.toml && ! test -e /usr/bin/meterd && ! test -e /lib/systemd/system/meterd.service")
	m.do("dpkg -P meterd && ! test -e /etc/meterd/meterd.toml && test -s /var/lib/meterd/readings.ring")
	m.do("systemctl daemon-reload && ! systemctl cat meterd")
	if failed := m.do("systemctl --failed --no-legend --plain"); strings.TrimSpace(failed) != "" {
		t.Errorf("units have failed: %s", failed)
	}
	m.hand.Close()
	m.hand = nil
	s.checkPlatform()
	t.Logf("%d values at the platform", s.stored())
}
