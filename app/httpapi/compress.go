package httpapi

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is from how many bytes on a text is worth compressing: less fits into one packet anyway.
const compressFrom = 1400

// texts are the media types that compression makes smaller, beside text/*. Pictures are compressed already.
var texts = []string{"application/json", "application/problem+json", "application/openmetrics-text", "application/javascript", "application/geo+json", "image/svg+xml"}

// compressed sends texts as zstd or gzip to clients that take either. A socket compresses nothing: what it sends is small, or
// pictures.
func compressed(next http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.ContentTypeFilter(isText))
	if err != nil {
		return nil, err
	}
	squeezed := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, socketPath) {
			next.ServeHTTP(w, r)
			return
		}
		squeezed.ServeHTTP(w, r)
	}), nil
}

func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasPrefix(media, "text/") || slices.Contains(texts, media))
}
