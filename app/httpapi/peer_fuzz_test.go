package httpapi

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

// FuzzPeer has strangers and proxies say what they like of a request's way.
func FuzzPeer(f *testing.F) {
	f.Add("192.0.2.7:1234", "198.51.100.1, 10.0.0.1", "hub.example, evil.example:80")
	f.Add("[fe80::1%eth0]:1", "[::1]:80,::ffff:127.0.0.1", "[::1")
	f.Add("10.0.0.1:1", "2001:db8::1", "")
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, forwarded, host string) {
		r := httptest.NewRequest("GET", "http://hub.example/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", forwarded)
		r.Header.Set("X-Forwarded-Host", host)
		connection := parseAddress(remote)
		peer := trusted.peer(r)
		if !trusted.trusts(connection) && (peer != (proxies{}).peer(r) || trusted.host(r) != "hub.example") {
			t.Errorf("a stranger's word is taken: %v, %q", peer, trusted.host(r))
		}
		if peer.Is6() && peer != netip.PrefixFrom(peer, 64).Masked().Addr() {
			t.Errorf("%v is no /64", peer)
		}
	})
}
