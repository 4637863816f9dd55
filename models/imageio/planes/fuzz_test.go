package planes

import (
	"testing"

	"seghub/models/imageio/tiff"
)

// FuzzXML reads any text as the descriptions that are XML, and wants planes that lie within what they say.
func FuzzXML(f *testing.F) {
	f.Add(`<OME UUID="a"><Image><Pixels DimensionOrder="XYZCT" SizeZ="3" SizeC="2" SizeT="1" PhysicalSizeX="0.3"><Channel Name="DAPI"/>` +
		`<TiffData IFD="0" FirstZ="1" PlaneCount="6"><UUID FileName="b">a</UUID></TiffData></Pixels></Image></OME>`)
	f.Add(`<MetaData><prop id="spatial-calibration-x" value="1.3"/><prop id="spatial-calibration-units" value="um"/></MetaData>`)
	f.Add("<BTIImageMetaData><ImageAcquisition><PixelWidth>4</PixelWidth><ImageWidthMicrons>2.6</ImageWidthMicrons><Channel Color=\"a\n[b 1,2]\"/>")
	f.Fuzz(func(t *testing.T, text string) {
		pages := make([]page, 6)
		for i := range pages {
			pages[i].index = i
		}
		all := plain(pages)
		ome(all, pages, 1+len(text)%3, text)
		for _, p := range all {
			if p.Channel < 0 || p.Z < 0 || p.T < 0 || p.PixelSize != 0 && !plausible(p.PixelSize) {
				t.Errorf("%+v", p)
			}
		}
		if size := metaSeries(text); size < 0 && plausible(size) {
			t.Error(size)
		}
		if size, _ := bioTekPage(text, &tiff.Layout{Width: 4, Height: 3}); size < 0 && plausible(size) {
			t.Error(size)
		}
	})
}
