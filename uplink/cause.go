package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"meterd/dlt645"
)

// cause is why there is no connection: in words whose first ones decide, since
// a narrow screen shows no more, and what to do next. Credentials tells that
// trying again soon may get the board banned.
type cause struct {
	err         error
	Words       string
	Hint        dlt645.Text
	Credentials bool
}

func (c *cause) Error() string { return c.Words }
func (c *cause) Unwrap() error { return c.err }

// refused reports whether the broker answered that it does not let us in.
func (c *cause) refused() bool { return refusal(c.err) }

func refusal(err error) bool {
	return slices.ContainsFunc(refusals, func(r cause) bool { return errors.Is(err, r.err) })
}

// refusals are the CONNACK codes of MQTT 3.1.1, clause 3.2.2.3.
var refusals = []cause{
	{packets.ErrorRefusedBadProtocolVersion, "protocol version not accepted (1)", dlt645.Text{EN: "is broker the address of an MQTT 3.1.1 broker?", ZH: "broker 是否为 MQTT 3.1.1 服务器的地址？"}, false},
	{packets.ErrorRefusedIDRejected, "client id or keepalive not accepted (2)", dlt645.Text{EN: "check client_id, and keepalive against what the platform allows", ZH: "请检查 client_id，以及 keepalive 是否在平台允许范围内"}, true},
	{packets.ErrorRefusedServerUnavailable, "server unavailable (3)", dlt645.Text{EN: "the platform is in trouble; meterd goes on trying", ZH: "平台暂不可用；meterd 将继续重试"}, false},
	{packets.ErrorRefusedBadUsernameOrPassword, "bad user name or password (4)", dlt645.Text{EN: "check the ids, user name and secrets of this uplink; on OneNET and DAS the board's clock too", ZH: "请检查该上行的标识、用户名和密钥；OneNET 和 DAS 还要检查本板时钟"}, true},
	{packets.ErrorRefusedNotAuthorised, "not authorised (5)", dlt645.Text{EN: "check the ids, user name and secrets of this uplink, and that the device is enabled on the platform; on OneNET and DAS the board's clock too", ZH: "请检查该上行的标识、用户名和密钥，并确认设备已在平台启用；OneNET 和 DAS 还要检查本板时钟"}, true},
}

var (
	errWantsTLS  = errors.New("the broker speaks TLS at this port")
	errNoTLS     = errors.New("no TLS: the other end closes as soon as it begins")
	errNoBroker  = errors.New("what answers at this port is no MQTT broker")
	errNoConnack = errors.New("connected, but no answer to the MQTT connect")
	errClosed    = errors.New("closed by the other end before it answered the MQTT connect")
)

var anyNetwork = dlt645.Text{EN: "is the network up, and broker right?", ZH: "请检查网络以及 broker 是否正确"}

// explain says why a connect failed, or a connection ended. trusted tells
// whether the board's clock is, at now.
func explain(err error, now time.Time, trusted bool) error {
	if errors.Is(err, context.Canceled) || errors.As(err, new(*cause)) {
		return err
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			r.Words = "refused by the broker: " + r.Words
			return &r
		}
	}
	if c := certificateCause(err, now, trusted); c != nil {
		return c
	}
	if c := networkCause(err); c != nil {
		return c
	}
	return &cause{err, bare(err), anyNetwork, false}
}

// bare leaves out paho's own words in front, which tell nobody anything.
func bare(err error) string { return strings.TrimPrefix(err.Error(), "network Error : ") }

// certificateCause explains what TLS finds wrong; nil if it finds nothing.
func certificateCause(err error, now time.Time, trusted bool) *cause {
	if file, ok := errors.AsType[*FileError](err); ok {
		if errors.Is(err, fs.ErrNotExist) {
			return &cause{err, file.Error(), dlt645.Text{EN: "bring the file on a stick or by scp; the next attempt reads it", ZH: "请用 U 盘或 scp 放入该文件；下次连接时读取"}, false}
		}
		return &cause{err, file.Error(), dlt645.Text{EN: "replace the file: a certificate in PEM form, and the key that belongs to cert", ZH: "请更换该文件：PEM 格式的证书，以及与 cert 匹配的私钥"}, false}
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		c := invalid.Cert
		words, hint := "expired: the broker's certificate", dlt645.Text{EN: "the platform must renew it; or is the board's clock wrong? time tells it", ZH: "需平台更新证书；或检查本板时钟（time 命令）"}
		if now.Before(c.NotBefore) {
			words = "not yet valid: the broker's certificate"
		}
		if !trusted || now.Before(c.NotBefore) {
			hint = dlt645.Text{EN: "set the board's clock first: NTP, the battery of the RTC, or set in [clock]", ZH: "请先校准本板时钟：NTP、RTC 电池，或 [clock] 的 set"}
		}
		return &cause{err, fmt.Sprintf("%s is for %s to %s, the board's clock says %s", words, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), now.Format(time.DateOnly)), hint, false}
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		by := ""
		if unknown.Cert != nil {
			by = fmt.Sprintf(" (by %q)", unknown.Cert.Issuer.CommonName)
		}
		return &cause{err, "unknown CA: nobody whom we trust signed the broker's certificate" + by, dlt645.Text{EN: "put the platform's root certificate into ca", ZH: "请在 ca 中填写平台的根证书"}, false}
	}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return &cause{err, fmt.Sprintf("wrong name: the broker's certificate is for %s, not for %s", strings.Join(namesOf(name.Certificate), ", "), name.Host), dlt645.Text{EN: "is broker right? else server_name, or pin_chain with ca", ZH: "broker 是否正确？否则请设置 server_name，或 pin_chain 与 ca"}, false}
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return &cause{err, "no TLS: what answers at this port speaks something else (" + record.Msg + ")", dlt645.Text{EN: "write tcp:// in broker, or the port for TLS, often 8883", ZH: "请将 broker 改为 tcp://，或使用 TLS 端口（常为 8883）"}, false}
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return &cause{err, "refused by the broker's TLS: " + alert.Error(), dlt645.Text{EN: "does it want cert and key of the board, and are they the right ones?", ZH: "平台是否要求本板的 cert 和 key？请确认正确"}, false}
	}
	if remote, ok := errors.AsType[*net.OpError](err); ok && remote.Op == "remote error" { // an alert that came
		return &cause{err, "refused by the broker's TLS: " + remote.Err.Error(), dlt645.Text{EN: "does it want cert and key of the board, and are they the right ones?", ZH: "平台是否要求本板的 cert 和 key？请确认正确"}, false}
	}
	if verify, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &cause{err, "certificate not accepted: " + verify.Err.Error(), dlt645.Text{EN: "check ca, server_name and pin_chain", ZH: "请检查 ca、server_name 和 pin_chain"}, false}
	}
	return nil
}

// namesOf gives what a certificate is for.
func namesOf(c *x509.Certificate) []string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return []string{"nobody in particular"}
	}
	return names
}

// networkCause explains what the network tells; nil if it tells nothing.
func networkCause(err error) *cause {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return &cause{err, "no address for " + dns.Name + ": " + dns.Err, dlt645.Text{EN: "is the name in broker right, and a name server reachable (/etc/resolv.conf)?", ZH: "broker 中的域名是否正确？DNS 服务器是否可达（/etc/resolv.conf）？"}, false}
	}
	if packet, ok := errors.AsType[*packetError](err); ok {
		return &cause{err, "too much: " + packet.Error(), dlt645.Text{EN: "somebody sends the board what no board takes; tell the platform", ZH: "有人向本板发送过大的报文；请联系平台"}, false}
	}
	for _, c := range []cause{
		{errNotGranted, "no subscription: ", dlt645.Text{EN: "check the ids of this uplink, and what its device may subscribe to on the platform", ZH: "请检查该上行的标识，以及设备在平台上的订阅权限"}, false},
		{errWantsTLS, "", dlt645.Text{EN: "write ssl:// in broker", ZH: "请将 broker 改为 ssl://"}, false},
		{errNoTLS, "", dlt645.Text{EN: "write tcp:// in broker, or the port for TLS, often 8883; else it wants cert and key of the board, or a firewall cuts it", ZH: "请将 broker 改为 tcp://，或使用 TLS 端口（常为 8883）；否则可能是平台要求本板的 cert 和 key，或被防火墙切断"}, false},
		{errNoBroker, "", dlt645.Text{EN: "is the port in broker that of MQTT, often 1883, or 8883 with TLS?", ZH: "broker 的端口是否为 MQTT 端口（常为 1883，TLS 为 8883）？"}, false},
		{errNoConnack, "", dlt645.Text{EN: "is the port in broker that of MQTT, and does it want ssl://? else the platform is overloaded", ZH: "broker 的端口是否为 MQTT 端口，是否需要 ssl://？否则平台可能过载"}, false},
		{errClosed, "", dlt645.Text{EN: "check port, ssl:// or tcp://, client_id and username: some brokers refuse without a word", ZH: "请检查端口、ssl:// 或 tcp://、client_id 和 username：有的平台拒绝时不作说明"}, false},
		{syscall.ECONNREFUSED, "nobody listens there: ", dlt645.Text{EN: "is the port in broker right, and the broker running?", ZH: "broker 的端口是否正确，服务是否在运行？"}, false},
		{syscall.ENETUNREACH, "no way there: ", dlt645.Text{EN: "check cable or SIM, address and gateway of the board's network", ZH: "请检查网线或 SIM 卡、本板的 IP 地址和网关"}, false},
		{syscall.EHOSTUNREACH, "no way there: ", dlt645.Text{EN: "check cable or SIM, address and gateway of the board's network", ZH: "请检查网线或 SIM 卡、本板的 IP 地址和网关"}, false},
		{errDeaf, "", dlt645.Text{EN: "the network is in order: check the ids of this uplink, with acknowledge = \"reply\" the consumer; else ask whoever runs the platform", ZH: "网络正常：请检查该上行的标识；acknowledge = \"reply\" 时检查消费者；否则请联系平台"}, false},
	} {
		if errors.Is(err, c.err) {
			words := c.Words + bare(err)
			if c.Words == "" {
				words = c.err.Error()
			}
			c.err, c.Words = err, words
			return &c
		}
	}
	if errors.Is(err, errLost) && byThem(err) {
		return &cause{err, bare(err), dlt645.Text{EN: "it connects again by itself; if that comes again and again, was the broker stopped, or does another board use this id?", ZH: "会自动重连；若反复出现：服务是否停止，或有其他板使用同一标识？"}, false}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return &cause{err, "no answer from there: " + bare(err), dlt645.Text{EN: "a firewall, or a network that loses everything; does the board reach anything else?", ZH: "可能被防火墙阻断或网络丢包；本板能否访问其他地址？"}, false}
	}
	return nil
}

// byThem reports whether the other end closed a connection, so that somebody
// there may have meant it.
func byThem(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// quoted makes the platform's words fit for a line of a log or a console.
func quoted(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// FileError is a file that TLS needs and that cannot be used: it is not there,
// or holds something else.
type FileError struct {
	Key  string // of the configuration: ca, cert
	Path string
	Err  error
}

func (e *FileError) Error() string {
	if errors.Is(e.Err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no file %s, which %s names", e.Path, e.Key)
	}
	return fmt.Sprintf("%s: %s: %v", e.Key, e.Path, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }
