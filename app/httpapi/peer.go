package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the addresses from which the hub believes what a request says of its way: the reverse proxies that the
// operator has named. From anywhere else, such headers are what their sender made up.
type proxies []netip.Prefix

func (p proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// peer is the address that asks: that of the connection, or behind trusted proxies the nearest one that is not theirs.
// An IPv6 address stands for its /64, which is what one customer has. The zero address is one that cannot be told.
func (p proxies) peer(r *http.Request) netip.Addr {
	address := parseAddress(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(address); i-- {
		before := parseAddress(strings.TrimSpace(hops[i]))
		if !before.IsValid() {
			break
		}
		address = before
	}
	if address.Is6() {
		return netip.PrefixFrom(address.WithZone(""), 64).Masked().Addr()
	}
	return address
}

// host is the host and port that the browser called: what the nearest trusted proxy says, else the request's own. nginx's $host has no port. That
// of X-Forwarded-Port is believed where the page that asks is one of it: behind yet another proxy it is not the port that the browser called.
func (p proxies) host(r *http.Request) string {
	if !p.trusts(parseAddress(r.RemoteAddr)) {
		return r.Host
	}
	host := r.Host
	if said := r.Header.Values("X-Forwarded-Host"); len(said) > 0 {
		host = last(said[len(said)-1])
	}
	with := host + ":" + last(r.Header.Get("X-Forwarded-Port"))
	if _, page, _ := strings.Cut(r.Header.Get("Origin"), "://"); strings.EqualFold(page, with) {
		return with
	}
	return host
}

// last is the last of a list, which the nearest proxy has said.
func last(list string) string {
	return strings.TrimSpace(list[strings.LastIndex(list, ",")+1:])
}

// parseAddress reads an address with or without a port; what is neither is the zero address.
func parseAddress(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap()
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap()
}
