package cuda

import "slices"

// poisonous are the errors after which, as driver_types.h of CUDA 13 says, the process must be terminated and started anew: an
// uncorrectable error, an illegal access, a launch that took too long, an assertion, errors of the stack, an instruction or an
// address, a launch that failed, and devices and services that went away.
var poisonous = []int32{214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 810, 911}

// Poisons tells whether the error leaves the device's context in a state in which no further call of this process succeeds.
func (e *Error) Poisons() bool { return slices.Contains(poisonous, e.Code) }
