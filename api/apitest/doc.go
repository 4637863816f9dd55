// Package apitest holds what a running server says against the contract of package api.
//
//	contract := apitest.New(t)
//	contract.Response(t, "GET", "/api/v1/session", response.StatusCode, response.Header.Get("Content-Type"), body)
//	contract.Frame(t, apitest.FromServer, message)
//
// The contract tells clients to bear members that they do not know; the server under test may send none
// that the contract does not name, so that neither grows without the other.
package apitest
