package onenet

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// Methods are the names of the signature methods.
var Methods = []string{"sha256", "sha1", "md5"}

var hashes = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New}

// tokenVersion is the only one for devices over MQTT.
const tokenVersion = "2018-10-31"

// Token is the password of a connect: it names the resource, the second of
// 1970 at which it ends, and is signed by the access key, which is Base64.
func Token(accessKey, method, resource string, ends int64) (string, error) {
	return tokenOf(accessKey, method, resource, ends, tokenVersion)
}

func tokenOf(accessKey, method, resource string, ends int64, version string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(accessKey)
	if err != nil {
		return "", fmt.Errorf("onenet: the access key is not Base64: %w", err)
	}
	h, ok := hashes[method]
	if !ok {
		return "", fmt.Errorf("onenet: method %q is none of %s", method, strings.Join(Methods, ", "))
	}
	et := strconv.FormatInt(ends, 10)
	mac := hmac.New(h, key)
	mac.Write([]byte(et + "\n" + method + "\n" + resource + "\n" + version))
	return "version=" + version + "&res=" + escape(resource) + "&et=" + et + "&method=" + method +
		"&sign=" + escape(base64.StdEncoding.EncodeToString(mac.Sum(nil))), nil
}

// escape is what the platform asks for: a blank is %20.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Identity is who connects.
type Identity struct {
	ProductID string
	Device    string
	AccessKey string // of the device, or of the product, Base64
	// Product has the token name the product alone, not the device: some products
	// are signed for with the product's key. A sub-device's never does.
	Product bool
	Method  string // "sha256", "sha1", "md5"
	// Built is the date of the build. A clock that is before it is wrong, and
	// the token then ends ten years after it: a dead battery must not lock the
	// board out.
	Built time.Time
}

const (
	tokenLife = 30 * 24 * time.Hour
	deadClock = 10 * 365 * 24 * time.Hour
)

// Login computes the token anew for each connect.
func (i Identity) Login(now time.Time) uplink.Login {
	return uplink.Login{ClientID: i.Device, Username: i.ProductID, Password: i.sign(now, i.resource(), i.AccessKey)}
}

// resource is what the gateway's token is for.
func (i Identity) resource() string {
	if i.Product {
		return "products/" + i.ProductID
	}
	return i.device(i.Device)
}

func (i Identity) device(name string) string { return "products/" + i.ProductID + "/devices/" + name }

func (i Identity) token(now time.Time, device, key string) string {
	return i.sign(now, i.device(device), key)
}

func (i Identity) sign(now time.Time, resource, key string) string {
	return i.signVersion(now, resource, key, tokenVersion)
}

func (i Identity) signVersion(now time.Time, resource, key, version string) string {
	ends := now.Add(tokenLife)
	if now.Before(i.Built) {
		ends = i.Built.Add(deadClock)
	}
	t, err := tokenOf(key, i.Method, resource, ends.Unix(), version)
	if err != nil {
		return "" // Check has told it
	}
	return t
}

// Check reports what is wrong with the identity.
func (i Identity) Check() error {
	_, err := Token(i.AccessKey, i.Method, "", 0)
	return err
}
