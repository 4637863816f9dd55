package httpapi

import (
	"image/color"

	"seghub/models/imageio"
)

// composite is the name of all channels in one picture, each in a colour of its own.
const composite = "composite"

// The colours of the channels in a composite, by their numbers. The first three are told apart by colour-blind eyes, too.
var channelColours = []color.RGBA{
	{R: 0, G: 255, B: 255}, {R: 255, G: 0, B: 255}, {R: 255, G: 255, B: 0}, {R: 255, G: 255, B: 255},
	{R: 0, G: 255, B: 0}, {R: 255, G: 0, B: 0}, {R: 0, G: 0, B: 255},
}

// colourOf is that of a channel among so many; one alone is grey.
func colourOf(channel, channels int) color.RGBA {
	if channels == 1 {
		return color.RGBA{R: 255, G: 255, B: 255}
	}
	return channelColours[channel%len(channelColours)]
}

// viewChannel draws the channel that a view is of.
func viewChannel(file *imageio.File, v view, draw func(imageio.Plane) (imageio.Image, error)) (imageio.Image, error) {
	if v.channel != composite {
		plane, err := file.Beside(v.page, v.channel)
		if err != nil {
			return imageio.Image{}, chosen(err)
		}
		return draw(plane)
	}
	var sum imageio.Image
	channels := len(file.Channels(v.page))
	for channel, plane := range file.Together(v.page) {
		light, err := draw(plane)
		if err != nil {
			return sum, err
		}
		if sum.Pix == nil {
			sum = imageio.Image{Width: light.Width, Height: light.Height, Channels: 3, Pix: make([]uint8, 3*light.Width*light.Height)}
		}
		addLight(sum.Pix, light, colourOf(channel, channels))
	}
	return sum, nil
}

// addLight adds a channel to RGB pixels, in its colour; one that has colours of its own keeps them.
func addLight(rgb []uint8, light imageio.Image, colour color.RGBA) {
	for i, full := range [3]uint8{colour.R, colour.G, colour.B} {
		if light.Channels == 1 && full == 0 {
			continue
		}
		for p := range light.Width * light.Height {
			from := p*light.Channels + min(i, light.Channels-1)
			rgb[3*p+i] = uint8(min(255, int(rgb[3*p+i])+int(light.Pix[from])))
		}
	}
}
