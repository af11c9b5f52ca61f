package config

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestHideHidesEverySecretOfTheCompleteFile: each value of a key of a secret,
// and each in a comment.
func TestHideHidesEverySecretOfTheCompleteFile(t *testing.T) {
	text, err := os.ReadFile("testdata/complete.toml")
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text) + "\n# password = \"99887766\"\n[[uplink.device]]\nmeter = \"Unit 102\"\nkey = \"dev-\\u0061-secret\"\n"
	shown, err := Hide(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"02123456", "rs2FaE5BuygJZkWKDA5okKt1RFpwOx53hbu6hwyCS4U=", "xdkKUymrEGSCYWswqCvSPyRSFvH5j7CU", "99887766", "dev-a-secret", `"secret"`} {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	for _, kept := range []string{`port = "/dev/ttyS1"`, `address = "202411200101"`, `broker = "tcp://das.example:1883"`, "[[uplink]]"} {
		if !strings.Contains(shown, kept) {
			t.Errorf("%s is hidden", kept)
		}
	}
	if c, problems := Parse("x.toml", strings.ReplaceAll(shown, Hidden, "00000000")); c == nil || strings.Contains(problemsText(problems), "not TOML") {
		t.Errorf("what is shown is no TOML: %v", problems)
	}
}

func problemsText(ps []Problem) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String())
	}
	return b.String()
}

// TestWhatIsNoSecretElsewhereIsTold: a vendor's id, a password of zeros within
// an address, a short PIN would tear holes into every report.
func TestWhatIsNoSecretElsewhereIsTold(t *testing.T) {
	got := Secrets(`[gateway]
id = "vendor01"
[console]
pin = "2024"
[[meter]]
address = "000000001234"
password = "00000000"
operator = "00001234"
[[uplink]]
username = "vendor01"
[uplink.x]
access_key = "a-long-secret"
device_secret = "a-long-secret-2"
key = "/etc/meterd/key.pem"
`)
	if want := []string{"a-long-secret-2", "a-long-secret"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSecretsOfATextThatIsNoTOML(t *testing.T) {
	got := Secrets("[console]\npin = hunter2\n[[meter]]\nrelay = { trip = \"1A\" }\n  password=\"02123456\" # x\naccess_key = \"abc")
	for _, want := range []string{"hunter2", "02123456", "abc"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if slices.Contains(got, "1A") {
		t.Errorf("%q", got)
	}
}
