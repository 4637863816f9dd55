// All that the page says, in English: the other languages have the same shape. Plain words for a person at a microscope.

import type { Close } from '../lib/closecodes'
import type { Ending } from '../lib/client'
import type { Subject } from '../lib/propose'
import type { Job, Model, Session, Stage } from '../lib/protocol'

const locale = 'en'

function number(n: number, digits = 0): string {
  return n.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`
}

function ordinal(n: number): string {
  const teens = n % 100 >= 11 && n % 100 <= 13
  const ending = teens ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${ending}`
}

/** A span of time as one would say it: nobody believes an estimate to the second. */
function about(seconds: number): string {
  if (seconds < 5) return 'a few seconds'
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `about ${minutes} min`
  return `about ${Math.round(minutes / 60)} h`
}

/** A time that was measured. */
function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${number(seconds, 1)} s`
  return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
}

const stages: Record<Stage, string> = { '': 'Starting', decode: 'Reading', infer: 'Segmenting', postprocess: 'Outlining' }

export const en = {
  locale,
  number,
  count,
  ordinal,
  about,
  duration,
  cancel: 'Cancel',
  close: 'Close',
  dismiss: 'Dismiss',
  download: 'Download',

  /** Where a session stands. */
  place(session: Session): string {
    if (session.state === 'waiting') {
      const where = session.position === null ? 'You are in line' : `You are ${ordinal(session.position)} in line`
      return session.eta_seconds === null ? `${where}.` : `${where}, ${about(session.eta_seconds)}.`
    }
    if (session.slot !== null) return `Slot ${session.slot + 1} is yours.`
    return 'Add images to begin.'
  },

  stage: (stage: Stage): string => stages[stage] ?? 'Working',

  job(job: Job, waiting: boolean): string {
    switch (job.state) {
      case 'queued':
        return waiting ? 'Waiting for a slot' : 'Queued'
      case 'running':
        return stages[job.stage] ?? 'Working'
      case 'done': {
        const { queued, total } = job.timing_ms
        const took = `took ${duration(Math.max(0, total - queued))}`
        return queued < 1_000 ? `Done, ${took}` : `Done, waited ${duration(queued)}, ${took}`
      }
      case 'failed':
        return job.error?.detail || job.error?.title || 'It failed, and the hub did not say why.'
      case 'cancelled':
        return 'Cancelled'
    }
  },

  progress: (stage: string, percent: number): string => `${stage}, ${percent} %`,
  objects: (n: number): string => count(n, 'object'),

  cover: {
    over: 'This session is over',
    looking: 'Looking for the hub…',
    trying: (trouble: string) => `${trouble} This page keeps trying.`,
    again: 'Start again',
    endings: {
      closed: 'This session was ended. Its images and results are deleted.',
      unknown: 'The hub no longer knows this session. It may have been started anew, without its old queue.',
      protocol: 'The hub and this page do not understand each other. Reloading the page may help.',
    } satisfies Record<Ending, string> as Record<Ending, string>,
    waiting: (n: number) => `${count(n, 'file')} that had not arrived yet ${n === 1 ? 'is' : 'are'} kept, and go${n === 1 ? 'es' : ''} into the next session.`,
  },

  signIn: {
    what: 'Drop microscope images, watch their objects being outlined. Several people work at the same moment; everyone else sees their place in line.',
    name: 'Your name',
    guest: 'Guest',
    key: 'Access key',
    keyOf: 'of this hub; its operator has it',
    wrongKey: 'That is not the access key of this hub.',
    start: 'Start',
    held: (n: number) => `${count(n, 'file waits', 'files wait')} here, and will be segmented when you have started.`,
    private: 'Images stay on this hub, are seen by you alone, and are deleted with your session.',
  },

  header: {
    live: 'Live',
    connecting: 'Connecting…',
    asking: 'Asking every 2 s',
    language: 'Language',
    help: 'Keys and gestures',
    end: 'End session',
    endTitle: 'End this session?',
    endWords: 'Its images, masks and measurements are deleted from the hub, and what still waits is cancelled. Download what you want to keep first.',
    stay: 'Keep working',
  },

  banner: {
    reconnects: 'This page reconnects by itself and catches up with what happens meanwhile. Files that you add wait here.',
    reconnecting: 'Reconnecting…',
    now: 'Try now',
    restart: 'The hub is about to restart.',
    byItself: 'This page reconnects by itself.',
    asking: 'A proxy on the way to the hub keeps the live connection away.',
    askingWords: 'This page asks every 2 seconds instead. For more, the proxy must pass WebSockets (Upgrade) on, and the Host that it was called by.',
    barred: 'A proxy on the way to the hub wants you to sign in again.',
    barredWords: 'Load this page anew for that. Nothing comes through until then; files that you add wait here.',
    load: 'Load anew',
    unkept: 'This browser cannot keep files that have not arrived yet.',
    unkeptWords: 'Leave this page open until they have.',
    copying: 'This browser is still copying files, so that they outlast a reload.',
    copyingWords: 'Leave this page open until it has.',
    away(close: Close): string {
      switch (close.name) {
        case 'going_away':
          return 'The hub is restarting.'
        case 'too_many':
          return 'This session is open in too many windows.'
        case 'too_slow':
          return 'The connection could not keep up.'
        default:
          return 'The connection was lost.'
      }
    },
  },

  slots: {
    region: 'Slots and line',
    list: 'Slots',
    slot: (n: number) => `Slot ${n}`,
    yours: 'yours',
    down: 'Not running',
    busy: 'Working',
    ready: 'Ready',
    helps: 'Helping you',
    taken: 'Taken',
    idle: 'Idle',
    line: 'Line',
    onCPU: (why: string) => `Images take longer, on the CPU, until the hub is started anew: ${why}.`,
    inLine: (n: number) => `${count(n, 'session')} in line. Your images start by themselves; you may close this page.`,
    inWork: (running: number, queued: number) => `${count(running, 'image')} in work${queued > 0 ? `, ${number(queued)} queued` : ''}`,
    inUse: (active: number, total: number, waiting: number) => `${active} of ${total} slots in use${waiting > 0 ? `, ${waiting} in line` : ', nobody waits'}`,
    you: (position: number, waiting: number) => `You: ${position} of ${waiting}`,
    waiting: (n: number) => `${n} waiting`,
    worker: (slot: number, device: string, images: number, model: string | null) =>
      `Worker ${slot} on ${device}, ${count(images, 'image')} so far${model ? `, now ${model}` : ''}`,
  },

  add: {
    region: 'Add images',
    fold: 'Add images',
    drop: 'Drop images here',
    or: 'or',
    choose: 'choose files',
    kinds: 'PNG, JPEG, BMP, TIFF and its kin such as LSM and NDPI; whole folders too',
    sample: 'Or try a sample:',
    veil: 'Drop to segment',
  },

  model: {
    region: 'Model',
    label: 'Model for the next images',
    proposed: 'Proposed for each image',
    none: 'No model yet',
    gone: 'is no longer at the hub.',
    next: 'The next images go to',
    about: 'About this model',
    advanced: 'Advanced',
    own: 'As the model has it',
    proposal: (title: string, subject: Subject) =>
      `${title} is proposed: ${{
        nuclei: 'many small bright bodies on dark ground look like nuclei.',
        tissue: 'these colours look like stained tissue, of which it outlines the nuclei.',
        spheroids: 'this does not look like stained nuclei, so it is taken for spheroids.',
      }[subject]}`,
    unseen: (title: string) => `${title} is proposed unseen: this file cannot be looked into before it is at the hub.`,
    edge: 'Leave out objects at the edge',
    crumbs: 'Leave out crumbs below',
    threshold: 'Threshold',
    higher: 'Higher finds less, with more certainty.',
    holes: 'Keep holes in objects',
    split: 'Split objects that touch',
    diameter: 'Diameter of the objects, px',
    diameterWords: (best: number) => `Empty has it found in each image. It brings them to about ${number(best)} px, the size that the model knows best.`,
    pixelSize: 'Pixel size, µm',
    pixelSizeWords: 'Empty takes what the file says.',
    takes: 'Takes',
    learnt: 'Learnt from',
    silent: 'Its file does not say.',
    licence: (images: number, licence: string) => `${count(images, 'image')}, licence ${licence}`,
    well: 'How well it did',
    validation: 'Validation images',
    pseudo: 'pseudo-labels',
    agree: 'How far its masks agree with those of the set: 1 is wholly, 0 not at all.',
    pseudoWords: 'Pseudo-labels are masks that a program made, not people.',
    file: 'File',
    unloaded: 'not loaded now, so that the next image waits for it',
    intake({ input }: Pick<Model, 'input'>): string {
      const size = `${input.width} × ${input.height} pixels`
      const colour = input.channels === 1 ? 'in grey' : 'in colour'
      return input.scaling === 'native'
        ? `The image at its own resolution, ${colour}, in tiles of ${size} that overlap.`
        : `The whole image at once, ${colour}, scaled to fit into ${size}.`
    },
    fileWords({ size_bytes, precision }: Pick<Model, 'size_bytes' | 'precision'>): string {
      const bits = { fp32: '32-bit floating point', fp16: '16-bit floating point', int8: '8-bit integers' }
      return `${number(size_bytes / 1e6, 1)} MB, ${bits[precision] ?? precision}`
    },
    /** Parts of the names of validation sets. */
    sets: { cho: 'CHO', dic: 'DIC', val: 'validation' } as Record<string, string>,
  },

  list: {
    region: 'Images',
    done: (done: number, total: number) => `${number(done)} of ${number(total)} done`,
    images: (n: number) => count(n, 'image'),
    shown: (shown: number, all: number) => `${number(shown)} of ${number(all)} shown`,
    failed: (n: number) => `${number(n)} failed`,
    pace: (perSecond: number, seconds: number) => `${number(perSecond, perSecond < 10 ? 1 : 0)} images/s, ${about(seconds)} left`,
    inAll: (n: number) => `${count(n, 'object')} in all`,
    cancelAll: 'Cancel all',
    retryFailed: 'Retry failed',
    search: 'Search by name',
    state: 'Show',
    states: { all: 'All', open: 'Not done yet', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' },
    order: 'Order',
    orders: { added: 'As added', name: 'By name', count: 'By count', state: 'By state' },
    select: (name: string) => `Select ${name}`,
    selectAll: 'Select all',
    selected: (n: number) => `${number(n)} selected`,
    again: 'Segment again',
    remove: 'Remove',
    removeTitle: (n: number) => `Remove ${count(n, 'image')}?`,
    removeWords: (results: number) => `File and all results (${number(results)}) are deleted from the hub. That cannot be undone.`,
    unselect: 'Select none',
    cancelOne: (name: string) => `Cancel ${name}`,
    nothing: 'No image is like that.',
    uploading: (percent: number) => `Uploading, ${percent} %`,
    toUpload: 'Waiting to be uploaded',
    later: (why: string) => `${why}: goes on by itself`,
    looking: 'Being looked at',
    doNotUpload: (name: string) => `Do not upload ${name}`,
    progressOf: (name: string) => `Progress of ${name}`,
    page: (page: number, pages: number) => `page ${page} of ${pages}`,
    timing({ timing_ms: { queued, total } }: Pick<Job, 'timing_ms'>): string {
      const took = `took ${duration(Math.max(0, total - queued))}`
      return queued < 1_000 ? took : `waited ${duration(queued)}, ${took}`
    },
  },

  refusals: {
    head: (n: number) => `${count(n, 'file was', 'files were')} not taken`,
    again: 'Send again',
    allAgain: 'Send all again',
  },

  image: {
    region: 'Image',
    choose: 'The image that you choose appears here.',
    size: (width: number, height: number) => `${width} × ${height} px`,
    overlay: 'Show',
    overlays: { mask: 'Mask', probability: 'Probability', labels: 'Labels', none: 'Nothing' },
    opacity: 'Opacity',
    outlines: 'Outlines',
    mask: 'Mask PNG',
    objects: 'Objects JSON',
    labels: 'Labels TIFF',
    receipt: 'Receipt',
    receiptTitle: 'What made this result',
    again: 'Segment again…',
    compare: 'Compare with',
    difference: 'Difference',
    onlyHere: 'only here',
    onlyThere: 'only there',
    both: 'both',
    stage: (name: string) => `${name}. Plus and minus zoom, arrows move, 0 shows all.`,
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    whole: 'Show the whole image',
    coming: 'The picture is on its way…',
    noPicture: 'There is no picture of this file.',
    contrast: 'Contrast',
    black: 'Black',
    white: 'White',
    gamma: 'Gamma',
    auto: 'Auto',
    asFile: 'As it is',
    forAll: 'For all images',
    histogram: (low: string, high: string) => `Histogram of the image's values, ${low} to ${high}`,
    channels: 'Channels',
    channel: (n: number) => `Channel ${n}`,
    composite: 'Composite',
    pages: 'Pages',
    page: (n: number) => `Page ${n}`,
    play: 'Play',
    pause: 'Pause',
    measure: 'Threshold',
    keep: 'Keep',
    keepWords: (n: number) => `${count(n, 'object')} at this threshold`,
    back: 'Back',
    anew: 'Corrections are not among them; undoing brings them back.',
    pixelSize: 'Pixel size',
    scale: (length: string) => `Scale bar: ${length}`,
  },

  edit: {
    toolbar: 'Corrections',
    tools: { look: 'Look', merge: 'Merge', split: 'Split', brush: 'Brush', erase: 'Erase', add: 'New object' },
    hints: {
      look: 'Press an object to choose it; Delete removes it.',
      merge: 'Press two objects that are one.',
      split: 'Draw a line through an object that is two.',
      brush: 'Paint over what belongs to the chosen object.',
      erase: 'Paint over what does not belong to an object.',
      add: 'Paint over an object that was not found.',
    },
    byKeys: 'By keys, in the picture: arrows move, Space puts the pen down and lifts it, Enter ends, Shift makes small steps.',
    pen: (down: boolean, object: number | null) => `${down ? 'Pen down' : 'Pen up'}, ${object === null ? 'no object' : `object ${object}`}`,
    radius: 'Size',
    delete: 'Delete',
    undo: 'Undo',
    redo: 'Redo',
    conflict: 'Somebody else has corrected this meanwhile: here is the newest. Please do it again.',
    noObject: 'There is no object there.',
  },

  numbers: {
    region: 'Numbers',
    tabs: { objects: 'Objects', images: 'Images', histogram: 'Histogram', export: 'Export' },
    found: (n: number, coverage: number) => `${count(n, 'object')}, ${number(coverage * 100, 1)} % of the image`,
    reading: 'Reading what was found…',
    unmeasured: 'Nothing was measured.',
    later: 'They are listed here when the image is done.',
    nothing: 'Nothing was found in this image. A lower threshold finds more.',
    filter: 'Filter: area > 200',
    filterWrong: 'A measure, a sign and a number: area > 200',
    copy: 'Copy',
    copied: 'Copied',
    pixels: 'Lengths in px, areas in px².',
    uncalibrated: 'Lengths in px, areas in px²: an image has no pixel size.',
    micrometres: 'Lengths in µm, areas in µm².',
    measure: 'Measure',
    of: 'Of',
    thisImage: 'this image',
    allImages: 'all images',
    noValues: 'No object has this measure.',
    bars: (n: number, low: string, high: string) => `${count(n, 'object')} from ${low} to ${high}`,
    summary: (n: number, mean: string, sd: string, median: string) => `n = ${number(n)}, mean ${mean}, SD ${sd}, median ${median}`,
    columns: {
      id: '#', area: 'Area', perimeter: 'Perimeter', x: 'Centre x', y: 'Centre y', mean_probability: 'Probability',
      equivalent_diameter: 'Diameter', circularity: 'Circularity', solidity: 'Solidity', convexity: 'Convexity', extent: 'Extent',
      aspect_ratio: 'Aspect ratio', feret_max: 'Feret max', feret_min: 'Feret min', sphericity: 'Sphericity', compactness: 'Compactness',
      mean_intensity: 'Mean intensity', sd_intensity: 'SD of intensity', integrated_intensity: 'Integrated intensity',
      image: 'Image', model: 'Model', count: 'Objects', total_area: 'Total area', mean_area: 'Mean area', coverage: 'Covered',
    } as Record<string, string>,
    more: 'Columns',
    exportOf: 'What to export',
    exportAll: (n: number) => `all finished (${number(n)})`,
    exportSelected: (n: number) => `selected (${number(n)})`,
    exportThis: 'this image',
    coming: (size: string) => `${size} so far`,
    formats: {
      csv: ['CSV', 'A table of all objects'],
      xlsx: ['Excel', 'The same as a workbook'],
      masks: ['Masks', 'PNG, white on black'],
      labels: ['Labels', 'TIFF, a number for each object'],
      imagej: ['ImageJ', 'Outlines for the ROI Manager'],
      geojson: ['QuPath', 'Outlines as GeoJSON'],
      coco: ['COCO', 'Outlines for training'],
      yolo: ['YOLO', 'Outlines for training'],
      all: ['All of it', 'With receipts, as a zip'],
    } as Record<string, [title: string, words: string]>,
  },

  again: {
    title: (n: number) => `Segment ${count(n, 'image')} again`,
    words: 'What was found before stays beside it.',
    go: 'Segment',
    asBefore: 'as before',
    which: 'Which images',
    all: (n: number) => `all (${number(n)})`,
    selected: (n: number) => `selected (${number(n)})`,
    one: 'this one',
  },

  help: {
    title: 'Keys and gestures',
    rows: [
      ['?', 'This sheet'],
      ['↑ ↓ Home End', 'From image to image, from object to object'],
      ['Space', 'Select an image; with Shift and arrows several'],
      ['Delete', 'Remove the selected images, or the chosen object'],
      ['Wheel, pinch, + −', 'Zoom'],
      ['Drag, arrows', 'Move'],
      ['0', 'The whole image'],
      ['Press an object', 'Choose it, here and in the table'],
      ['M  S  B  E  N', 'Merge, split, brush, erase, new object'],
      ['[ ]', 'Smaller and larger brush'],
      ['C, Shift C', 'Next channel, channel before'],
      [', .', 'Page before, next page'],
      ['Esc', 'Back to looking; nothing chosen'],
      ['Ctrl Z, Ctrl Shift Z', 'Undo, redo'],
    ] as [keys: string, what: string][],
  },

  /** By the hub's codes, and the page's own. The hub says them in English itself. */
  problems: {} as Record<string, string>,

  title: (percent: number) => `${percent} % · SegHub`,
}

export type Words = typeof en
