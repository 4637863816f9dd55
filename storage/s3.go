package storage

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// silence is how long a server of S3 may neither send nor take a byte of what it is asked. The SDK itself waits for ever, and its own limit, which it
// does not apply to S3, counts an idle connection's rest and a large body's way as silence: a worker whose server hangs would never be free again.
const silence = 30 * time.Second

// openBucket opens the bucket of a URL. Its requests fail after a silence, where it is one of S3; the SDK makes them again.
func openBucket(ctx context.Context, location string, silence time.Duration) (*blob.Bucket, error) {
	bucket, err := blob.OpenBucket(ctx, location)
	var client *s3.Client
	if err != nil || !bucket.As(&client) {
		return bucket, err
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	query := u.Query() // gocloud has read all of it by now, but gives back no more than the client
	client = s3.New(client.Options(), func(o *s3.Options) {
		o.DisableLogOutputChecksumValidationSkipped = true // a line for every blob that is read, of servers that keep no sums
		if own, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = own.WithTransportOptions(func(t *http.Transport) { t.DialContext = impatient(t.DialContext, silence) })
		}
	})
	options := s3blob.Options{KMSEncryptionID: query.Get("kmskeyid"), RequestChecksumCalculation: client.Options().RequestChecksumCalculation}
	for _, known := range types.ServerSideEncryption("").Values() {
		if strings.EqualFold(string(known), query.Get("ssetype")) {
			options.EncryptionType = known
		}
	}
	if err = bucket.Close(); err != nil {
		return nil, err
	}
	if bucket, err = s3blob.OpenBucket(ctx, client, u.Host, &options); err != nil {
		return nil, err
	}
	if prefix := query.Get("prefix"); prefix != "" {
		bucket = blob.PrefixedBucket(bucket, prefix)
	}
	return bucket, nil
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func impatient(dial dialer, silence time.Duration) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatientConn{conn, silence}, nil
	}
}

// impatientConn is a connection on which a read or a write fails that nothing comes of for a while. What is written has a read begin to wait anew:
// that of an answer begins when the connection comes to rest, long before its request.
type impatientConn struct {
	net.Conn
	silence time.Duration
}

// atOnce is how many bytes have to go within a silence.
const atOnce = 64 << 10

func (c *impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *impatientConn) Write(p []byte) (n int, err error) {
	for more := true; more && err == nil; more = n < len(p) {
		if err = c.SetDeadline(time.Now().Add(c.silence)); err != nil {
			break
		}
		var k int
		k, err = c.Conn.Write(p[n:min(n+atOnce, len(p))])
		n += k
	}
	if err == nil {
		err = c.SetReadDeadline(time.Now().Add(c.silence))
	}
	return n, err
}
