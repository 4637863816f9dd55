package config

import (
	"bytes"
	"fmt"
	"net/netip"
)

// Network is a range of addresses, written as 10.0.0.0/8 or as one address.
type Network struct{ netip.Prefix }

// UnmarshalText reads a Network.
func (n *Network) UnmarshalText(text []byte) error {
	text = bytes.TrimSpace(text) // of "a, b"
	if address, err := netip.ParseAddr(string(text)); err == nil {
		n.Prefix = netip.PrefixFrom(address, address.BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
	}
	n.Prefix = prefix.Masked()
	return nil
}
