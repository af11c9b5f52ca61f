package uplinktest

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
)

// Allow checks the credentials of a connect.
func (p *Onenet) Allow(clientID, username, password string) bool {
	p.mu.Lock()
	p.filters = 0
	p.mu.Unlock()
	return clientID == p.Device && username == p.ProductID && p.checkToken(password, "products/"+p.ProductID+p.named(), p.AccessKey)
}

// named is what the token of the gateway names besides the product.
func (p *Onenet) named() string {
	if p.ProductToken {
		return ""
	}
	return "/devices/" + p.Device
}

// checkToken verifies a token by the document's rule.
func (p *Onenet) checkToken(token, resource, key string) bool {
	return checkToken(token, resource, key, "2018-10-31")
}

func checkToken(token, resource, key, version string) bool {
	parts := map[string]string{}
	for _, kv := range strings.Split(token, "&") {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return false
		}
		decoded, err := url.PathUnescape(v)
		if err != nil {
			return false
		}
		parts[k] = decoded
	}
	et, err := strconv.ParseInt(parts["et"], 10, 64)
	hashes := map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New}
	h := hashes[parts["method"]]
	secret, err2 := base64.StdEncoding.DecodeString(key)
	if err != nil || err2 != nil || h == nil || et < time.Now().Unix() || len(parts) != 5 || parts["version"] != version ||
		parts["res"] != resource {
		return false
	}
	mac := hmac.New(h, secret)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s", parts["et"], parts["method"], parts["res"], parts["version"])
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == parts["sign"]
}
