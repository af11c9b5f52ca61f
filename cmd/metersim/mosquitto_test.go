package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mosquitto is a real broker with a password file.
type mosquitto struct {
	t    *testing.T
	dir  string
	addr string
	cmd  *exec.Cmd
	log  func(line string) // is told each line of its log; nil: nobody is
}

func lookMosquitto(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatalf("%s is missing; make setup installs it", name)
	return ""
}

func newMosquitto(t *testing.T, users map[string]string, log func(string)) *mosquitto {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, dir: t.TempDir(), addr: l.Addr().String(), log: log}
	l.Close()
	passwords := filepath.Join(m.dir, "passwords")
	if err := os.WriteFile(passwords, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for user, password := range users {
		if out, err := exec.Command(lookMosquitto(t, "mosquitto_passwd"), "-b", passwords, user, password).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}
	_, port, _ := net.SplitHostPort(m.addr)
	conf := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous false\npassword_file %s\npersistence false\nlog_dest stderr\nlog_type all\n", port, passwords)
	if os.Getuid() == 0 {
		conf += "user root\n"
	}
	if err := os.WriteFile(filepath.Join(m.dir, "mosquitto.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.stop)
	return m
}

func (m *mosquitto) address() string { return m.addr }

func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = exec.Command(lookMosquitto(m.t, "mosquitto"), "-c", filepath.Join(m.dir, "mosquitto.conf"))
	if m.log != nil {
		lines, err := m.cmd.StderrPipe()
		if err != nil {
			m.t.Fatal(err)
		}
		go func() { // ends with mosquitto
			for s := bufio.NewScanner(lines); s.Scan(); {
				m.log(s.Text())
			}
		}()
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	waitFor(m.t, "mosquitto listens", 10*time.Second, func() bool {
		c, err := net.Dial("tcp", m.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (m *mosquitto) stop() {
	if m.cmd != nil {
		m.cmd.Process.Kill()
		m.cmd.Wait()
		m.cmd = nil
	}
}
