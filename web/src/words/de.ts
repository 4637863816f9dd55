// All that the page says, in German.

import type { Close } from '../lib/closecodes'
import type { Ending } from '../lib/client'
import type { Subject } from '../lib/propose'
import type { Job, Model, Session, Stage } from '../lib/protocol'
import type { Words } from './en'

const locale = 'de'

function number(n: number, digits = 0): string {
  return n.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function count(n: number, one: string, many = one): string {
  return `${number(n)} ${n === 1 ? one : many}`
}

function ordinal(n: number): string {
  return `${n}.`
}

function about(seconds: number): string {
  if (seconds < 5) return 'wenige Sekunden'
  if (seconds < 57.5) return `etwa ${Math.round(seconds / 5) * 5} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `etwa ${minutes} min`
  return `etwa ${Math.round(minutes / 60)} h`
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${number(seconds, 1)} s`
  return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
}

const stages: Record<Stage, string> = { '': 'Beginnt', decode: 'Liest', infer: 'Segmentiert', postprocess: 'Zieht Umrisse' }

export const de: Words = {
  locale,
  number,
  count,
  ordinal,
  about,
  duration,
  cancel: 'Abbrechen',
  close: 'Schließen',
  dismiss: 'Ausblenden',
  download: 'Herunterladen',

  /** Where a session stands. */
  place(session: Session): string {
    if (session.state === 'waiting') {
      const where = session.position === null ? 'Sie stehen in der Schlange' : `Sie stehen als ${ordinal(session.position)} in der Schlange`
      return session.eta_seconds === null ? `${where}.` : `${where}, ${about(session.eta_seconds)}.`
    }
    if (session.slot !== null) return `Platz ${session.slot + 1} gehört Ihnen.`
    return 'Beginnen Sie mit Bildern.'
  },

  stage: (stage: Stage): string => stages[stage] ?? 'Arbeitet',

  job(job: Job, waiting: boolean): string {
    switch (job.state) {
      case 'queued':
        return waiting ? 'Wartet auf einen Platz' : 'Eingereiht'
      case 'running':
        return stages[job.stage] ?? 'Arbeitet'
      case 'done': {
        const { queued, total } = job.timing_ms
        const took = `dauerte ${duration(Math.max(0, total - queued))}`
        return queued < 1_000 ? `Fertig, ${took}` : `Fertig, wartete ${duration(queued)}, ${took}`
      }
      case 'failed':
        return job.error?.detail || job.error?.title || 'Es schlug fehl, und der Hub sagte nicht, warum.'
      case 'cancelled':
        return 'Abgebrochen'
    }
  },

  progress: (stage: string, percent: number): string => `${stage}, ${percent} %`,
  objects: (n: number): string => count(n, 'Objekt', 'Objekte'),

  cover: {
    over: 'Diese Sitzung ist zu Ende',
    looking: 'Der Hub wird gesucht…',
    trying: (trouble: string) => `${trouble} Diese Seite versucht es weiter.`,
    again: 'Neu beginnen',
    endings: {
      closed: 'Diese Sitzung wurde beendet. Ihre Bilder und Ergebnisse sind gelöscht.',
      unknown: 'Der Hub kennt diese Sitzung nicht mehr. Er ist vielleicht neu gestartet worden, ohne seine alte Schlange.',
      protocol: 'Hub und Seite verstehen sich nicht. Neu laden hilft vielleicht.',
    } satisfies Record<Ending, string> as Record<Ending, string>,
    waiting: (n: number) => `${count(n, 'Datei, die noch nicht angekommen war, ist', 'Dateien, die noch nicht angekommen waren, sind')} aufgehoben und ${n === 1 ? 'geht' : 'gehen'} in die nächste Sitzung.`,
  },

  signIn: {
    what: 'Mikroskopbilder ablegen und zusehen, wie ihre Objekte umrissen werden. Mehrere Personen arbeiten gleichzeitig; alle anderen sehen ihren Platz in der Schlange.',
    name: 'Ihr Name',
    guest: 'Gast',
    key: 'Zugangsschlüssel',
    keyOf: 'dieses Hubs; wer ihn betreibt, hat ihn',
    wrongKey: 'Das ist nicht der Zugangsschlüssel dieses Hubs.',
    start: 'Beginnen',
    held: (n: number) => `${count(n, 'Datei wartet', 'Dateien warten')} hier und ${n === 1 ? 'wird' : 'werden'} segmentiert, sobald Sie begonnen haben.`,
    private: 'Bilder bleiben auf diesem Hub, nur Sie sehen sie, und mit Ihrer Sitzung werden sie gelöscht.',
  },

  header: {
    live: 'Live',
    connecting: 'Verbindet…',
    asking: 'Fragt alle 2 s',
    language: 'Sprache',
    help: 'Tasten und Gesten',
    end: 'Sitzung beenden',
    endTitle: 'Diese Sitzung beenden?',
    endWords: 'Ihre Bilder, Masken und Messwerte werden auf dem Hub gelöscht, und was noch wartet, wird abgebrochen. Laden Sie vorher herunter, was Sie behalten möchten.',
    stay: 'Weiterarbeiten',
  },

  banner: {
    reconnects: 'Diese Seite verbindet sich von selbst neu und holt nach, was inzwischen geschieht. Dateien, die Sie hinzufügen, warten hier.',
    reconnecting: 'Verbindet neu…',
    now: 'Jetzt versuchen',
    restart: 'Der Hub startet gleich neu.',
    byItself: 'Diese Seite verbindet sich von selbst neu.',
    asking: 'Ein Proxy auf dem Weg zum Hub hält die Live-Verbindung auf.',
    askingWords: 'Diese Seite fragt stattdessen alle 2 Sekunden. Für mehr muss der Proxy WebSockets (Upgrade) weitergeben, und den Host, unter dem er gerufen wurde.',
    barred: 'Ein Proxy auf dem Weg zum Hub möchte, dass Sie sich neu anmelden.',
    barredWords: 'Laden Sie dafür diese Seite neu. Bis dahin kommt nichts durch; Dateien, die Sie hinzufügen, warten hier.',
    load: 'Neu laden',
    unkept: 'Dieser Browser kann Dateien, die noch nicht angekommen sind, nicht aufheben.',
    unkeptWords: 'Lassen Sie diese Seite offen, bis sie es sind.',
    copying: 'Dieser Browser kopiert noch Dateien, damit sie ein Neuladen überstehen.',
    copyingWords: 'Lassen Sie diese Seite so lange offen.',
    away(close: Close): string {
      switch (close.name) {
        case 'going_away':
          return 'Der Hub startet neu.'
        case 'too_many':
          return 'Diese Sitzung ist in zu vielen Fenstern offen.'
        case 'too_slow':
          return 'Die Verbindung kam nicht nach.'
        default:
          return 'Die Verbindung ging verloren.'
      }
    },
  },

  slots: {
    region: 'Plätze und Schlange',
    list: 'Plätze',
    slot: (n: number) => `Platz ${n}`,
    yours: 'Ihrer',
    down: 'Läuft nicht',
    busy: 'Arbeitet',
    ready: 'Bereit',
    helps: 'Hilft Ihnen',
    taken: 'Besetzt',
    idle: 'Frei',
    line: 'Schlange',
    onCPU: (why: string) => `Bilder dauern länger, auf dem Prozessor, bis der Hub neu gestartet wird: ${why}.`,
    inLine: (n: number) => `${count(n, 'Sitzung', 'Sitzungen')} in der Schlange. Ihre Bilder beginnen von selbst; Sie dürfen diese Seite schließen.`,
    inWork: (running: number, queued: number) => `${count(running, 'Bild', 'Bilder')} in Arbeit${queued > 0 ? `, ${number(queued)} eingereiht` : ''}`,
    inUse: (active: number, total: number, waiting: number) => `${active} von ${total} Plätzen besetzt${waiting > 0 ? `, ${waiting} in der Schlange` : ', niemand wartet'}`,
    you: (position: number, waiting: number) => `Sie: ${position} von ${waiting}`,
    waiting: (n: number) => count(n, 'wartet', 'warten'),
    worker: (slot: number, device: string, images: number, model: string | null) =>
      `Arbeiter ${slot} auf ${device}, bisher ${count(images, 'Bild', 'Bilder')}${model ? `, jetzt ${model}` : ''}`,
  },

  add: {
    region: 'Bilder hinzufügen',
    fold: 'Bilder hinzufügen',
    drop: 'Bilder hier ablegen',
    or: 'oder',
    choose: 'Dateien wählen',
    kinds: 'PNG, JPEG, BMP, TIFF und Verwandte wie LSM und NDPI; auch ganze Ordner',
    sample: 'Oder ein Beispiel:',
    veil: 'Ablegen zum Segmentieren',
  },

  model: {
    region: 'Modell',
    label: 'Modell für die nächsten Bilder',
    proposed: 'Vorschlag für jedes Bild',
    none: 'Noch kein Modell',
    gone: 'ist nicht mehr auf dem Hub.',
    next: 'Die nächsten Bilder gehen an',
    about: 'Über dieses Modell',
    advanced: 'Erweitert',
    own: 'Wie das Modell es hat',
    proposal: (title: string, subject: Subject) =>
      `${title} wird vorgeschlagen: ${{
        nuclei: 'Viele kleine helle Körper auf dunklem Grund sehen nach Zellkernen aus.',
        tissue: 'Diese Farben sehen nach gefärbtem Gewebe aus, dessen Zellkerne es umreißt.',
        spheroids: 'Das sieht nicht nach gefärbten Zellkernen aus, also nach Sphäroiden.',
      }[subject]}`,
    unseen: (title: string) => `${title} wird ungesehen vorgeschlagen: In diese Datei lässt sich nicht sehen, bevor sie beim Hub ist.`,
    edge: 'Objekte am Rand weglassen',
    crumbs: 'Krümel weglassen unter',
    threshold: 'Schwelle',
    higher: 'Höher findet weniger, dafür sicherer.',
    holes: 'Löcher in Objekten behalten',
    split: 'Objekte trennen, die sich berühren',
    diameter: 'Durchmesser der Objekte, px',
    diameterWords: (best: number) => `Leer lässt ihn in jedem Bild finden. Er bringt sie auf etwa ${number(best)} px, die Größe, die das Modell am besten kennt.`,
    pixelSize: 'Pixelgröße, µm',
    pixelSizeWords: 'Leer nimmt, was die Datei sagt.',
    takes: 'Nimmt',
    learnt: 'Gelernt aus',
    silent: 'Seine Datei sagt es nicht.',
    licence: (images: number, licence: string) => `${count(images, 'Bild', 'Bilder')}, Lizenz ${licence}`,
    well: 'Wie gut es war',
    validation: 'Prüfbilder',
    pseudo: 'Pseudo-Masken',
    agree: 'Wie weit seine Masken mit denen des Satzes übereinstimmen: 1 ist ganz, 0 gar nicht.',
    pseudoWords: 'Pseudo-Masken hat ein Programm gemacht, keine Menschen.',
    file: 'Datei',
    unloaded: 'jetzt nicht geladen, sodass das nächste Bild darauf wartet',
    intake({ input }: Pick<Model, 'input'>): string {
      const size = `${input.width} × ${input.height} Pixel`
      const colour = input.channels === 1 ? 'in Grau' : 'in Farbe'
      return input.scaling === 'native'
        ? `Das Bild in seiner eigenen Auflösung, ${colour}, in überlappenden Kacheln von ${size}.`
        : `Das ganze Bild auf einmal, ${colour}, verkleinert auf ${size}.`
    },
    fileWords({ size_bytes, precision }: Pick<Model, 'size_bytes' | 'precision'>): string {
      const bits = { fp32: '32-Bit-Gleitkomma', fp16: '16-Bit-Gleitkomma', int8: '8-Bit-Ganzzahlen' }
      return `${number(size_bytes / 1e6, 1)} MB, ${bits[precision] ?? precision}`
    },
    /** Parts of the names of validation sets. */
    sets: { cho: 'CHO', dic: 'DIC', val: 'Prüfsatz' } as Record<string, string>,
  },

  list: {
    region: 'Bilder',
    done: (done: number, total: number) => `${number(done)} von ${number(total)} fertig`,
    images: (n: number) => count(n, 'Bild', 'Bilder'),
    shown: (shown: number, all: number) => `${number(shown)} von ${number(all)} gezeigt`,
    failed: (n: number) => `${number(n)} fehlgeschlagen`,
    pace: (perSecond: number, seconds: number) => `${number(perSecond, perSecond < 10 ? 1 : 0)} Bilder/s, noch ${about(seconds)}`,
    inAll: (n: number) => `${count(n, 'Objekt', 'Objekte')} insgesamt`,
    cancelAll: 'Alle abbrechen',
    retryFailed: 'Fehlgeschlagene nochmals',
    search: 'Nach Namen suchen',
    state: 'Zeigen',
    states: { all: 'Alle', open: 'Noch nicht fertig', done: 'Fertig', failed: 'Fehlgeschlagen', cancelled: 'Abgebrochen' },
    order: 'Ordnung',
    orders: { added: 'Wie hinzugefügt', name: 'Nach Namen', count: 'Nach Anzahl', state: 'Nach Stand' },
    select: (name: string) => `${name} auswählen`,
    selectAll: 'Alle auswählen',
    selected: (n: number) => `${number(n)} ausgewählt`,
    again: 'Neu segmentieren',
    remove: 'Entfernen',
    removeTitle: (n: number) => `${count(n, 'Bild', 'Bilder')} entfernen?`,
    removeWords: (results: number) => `Datei und alle Ergebnisse (${number(results)}) werden auf dem Hub gelöscht. Das lässt sich nicht rückgängig machen.`,
    unselect: 'Nichts auswählen',
    cancelOne: (name: string) => `${name} abbrechen`,
    nothing: 'Kein Bild ist so.',
    uploading: (percent: number) => `Wird hochgeladen, ${percent} %`,
    toUpload: 'Wartet aufs Hochladen',
    later: (why: string) => `${why}: geht von selbst weiter`,
    looking: 'Wird angesehen',
    doNotUpload: (name: string) => `${name} nicht hochladen`,
    progressOf: (name: string) => `Fortschritt von ${name}`,
    page: (page: number, pages: number) => `Seite ${page} von ${pages}`,
    timing({ timing_ms: { queued, total } }: Pick<Job, 'timing_ms'>): string {
      const took = `dauerte ${duration(Math.max(0, total - queued))}`
      return queued < 1_000 ? took : `wartete ${duration(queued)}, ${took}`
    },
  },

  refusals: {
    head: (n: number) => `${count(n, 'Datei wurde', 'Dateien wurden')} nicht angenommen`,
    again: 'Nochmals senden',
    allAgain: 'Alle nochmals senden',
  },

  image: {
    region: 'Bild',
    choose: 'Das Bild, das Sie wählen, erscheint hier.',
    size: (width: number, height: number) => `${width} × ${height} px`,
    overlay: 'Zeigen',
    overlays: { mask: 'Maske', probability: 'Wahrsch.', labels: 'Objekte', none: 'Nichts' },
    opacity: 'Deckkraft',
    outlines: 'Umrisse',
    mask: 'Maske PNG',
    objects: 'Objekte JSON',
    labels: 'Objekte TIFF',
    receipt: 'Beleg',
    receiptTitle: 'Was dieses Ergebnis gemacht hat',
    again: 'Neu segmentieren…',
    compare: 'Vergleichen mit',
    difference: 'Unterschied',
    onlyHere: 'nur hier',
    onlyThere: 'nur dort',
    both: 'beide',
    stage: (name: string) => `${name}. Plus und Minus zoomen, Pfeile bewegen, 0 zeigt alles.`,
    zoomIn: 'Vergrößern',
    zoomOut: 'Verkleinern',
    whole: 'Das ganze Bild zeigen',
    coming: 'Das Bild kommt gleich…',
    noPicture: 'Von dieser Datei gibt es kein Bild.',
    contrast: 'Kontrast',
    black: 'Schwarz',
    white: 'Weiß',
    gamma: 'Gamma',
    auto: 'Auto',
    asFile: 'Wie es ist',
    forAll: 'Für alle Bilder',
    histogram: (low: string, high: string) => `Histogramm der Werte des Bildes, ${low} bis ${high}`,
    channels: 'Kanäle',
    channel: (n: number) => `Kanal ${n}`,
    composite: 'Überlagert',
    pages: 'Seiten',
    page: (n: number) => `Seite ${n}`,
    play: 'Abspielen',
    pause: 'Anhalten',
    measure: 'Schwelle',
    keep: 'Behalten',
    keepWords: (n: number) => `${count(n, 'Objekt', 'Objekte')} bei dieser Schwelle`,
    back: 'Zurück',
    anew: 'Korrekturen sind nicht dabei; Rückgängig bringt sie zurück.',
    pixelSize: 'Pixelgröße',
    scale: (length: string) => `Maßstab: ${length}`,
  },

  edit: {
    toolbar: 'Korrekturen',
    tools: { look: 'Ansehen', merge: 'Vereinen', split: 'Teilen', brush: 'Pinsel', erase: 'Radierer', add: 'Neues Objekt' },
    hints: {
      look: 'Ein Objekt drücken wählt es; Entf löscht es.',
      merge: 'Zwei Objekte drücken, die eines sind.',
      split: 'Eine Linie durch ein Objekt ziehen, das zwei ist.',
      brush: 'Übermalen, was zum gewählten Objekt gehört.',
      erase: 'Übermalen, was nicht zu einem Objekt gehört.',
      add: 'Ein Objekt übermalen, das nicht gefunden wurde.',
    },
    byKeys: 'Mit Tasten, im Bild: Pfeile bewegen, Leertaste setzt den Stift auf und hebt ihn ab, Eingabe beendet, Umschalt macht kleine Schritte.',
    pen: (down: boolean, object: number | null) => `${down ? 'Stift unten' : 'Stift oben'}, ${object === null ? 'kein Objekt' : `Objekt ${object}`}`,
    radius: 'Größe',
    delete: 'Löschen',
    undo: 'Rückgängig',
    redo: 'Wiederholen',
    conflict: 'Jemand hat dies inzwischen korrigiert: Hier ist das Neueste. Bitte noch einmal.',
    noObject: 'Dort ist kein Objekt.',
  },

  numbers: {
    region: 'Zahlen',
    tabs: { objects: 'Objekte', images: 'Bilder', histogram: 'Histogramm', export: 'Export' },
    found: (n: number, coverage: number) => `${count(n, 'Objekt', 'Objekte')}, ${number(coverage * 100, 1)} % des Bildes`,
    reading: 'Liest, was gefunden wurde…',
    unmeasured: 'Nichts wurde gemessen.',
    later: 'Sie stehen hier, wenn das Bild fertig ist.',
    nothing: 'In diesem Bild wurde nichts gefunden. Eine niedrigere Schwelle findet mehr.',
    filter: 'Filter: Fläche > 200',
    filterWrong: 'Ein Maß, ein Zeichen und eine Zahl: Fläche > 200',
    copy: 'Kopieren',
    copied: 'Kopiert',
    pixels: 'Längen in px, Flächen in px².',
    uncalibrated: 'Längen in px, Flächen in px²: ein Bild hat keine Pixelgröße.',
    micrometres: 'Längen in µm, Flächen in µm².',
    measure: 'Maß',
    of: 'Von',
    thisImage: 'diesem Bild',
    allImages: 'allen Bildern',
    noValues: 'Kein Objekt hat dieses Maß.',
    bars: (n: number, low: string, high: string) => `${count(n, 'Objekt', 'Objekte')} von ${low} bis ${high}`,
    summary: (n: number, mean: string, sd: string, median: string) => `n = ${number(n)}, Mittel ${mean}, SD ${sd}, Median ${median}`,
    columns: {
      id: '#', area: 'Fläche', perimeter: 'Umfang', x: 'Mitte x', y: 'Mitte y', mean_probability: 'Wahrsch.',
      equivalent_diameter: 'Durchmesser', circularity: 'Rundheit', solidity: 'Solidität', convexity: 'Konvexität', extent: 'Füllung',
      aspect_ratio: 'Seitenverhältnis', feret_max: 'Feret max', feret_min: 'Feret min', sphericity: 'Sphärizität', compactness: 'Kompaktheit',
      mean_intensity: 'Mittlere Intensität', sd_intensity: 'SD der Intensität', integrated_intensity: 'Summe der Intensität',
      image: 'Bild', model: 'Modell', count: 'Objekte', total_area: 'Gesamtfläche', mean_area: 'Mittlere Fläche', coverage: 'Bedeckt',
    } as Record<string, string>,
    more: 'Spalten',
    exportOf: 'Was exportiert wird',
    exportAll: (n: number) => `alle fertigen (${number(n)})`,
    exportSelected: (n: number) => `ausgewählte (${number(n)})`,
    exportThis: 'dieses Bild',
    coming: (size: string) => `bisher ${size}`,
    formats: {
      csv: ['CSV', 'Eine Tabelle aller Objekte'],
      xlsx: ['Excel', 'Dasselbe als Arbeitsmappe'],
      masks: ['Masken', 'PNG, weiß auf schwarz'],
      labels: ['Objekte', 'TIFF, eine Zahl je Objekt'],
      imagej: ['ImageJ', 'Umrisse für den ROI Manager'],
      geojson: ['QuPath', 'Umrisse als GeoJSON'],
      coco: ['COCO', 'Umrisse zum Trainieren'],
      yolo: ['YOLO', 'Umrisse zum Trainieren'],
      all: ['Alles', 'Mit Belegen, als Zip'],
    } as Record<string, [title: string, words: string]>,
  },

  again: {
    title: (n: number) => `${count(n, 'Bild', 'Bilder')} neu segmentieren`,
    words: 'Was vorher gefunden wurde, bleibt daneben.',
    go: 'Segmentieren',
    asBefore: 'wie bisher',
    which: 'Welche Bilder',
    all: (n: number) => `alle (${number(n)})`,
    selected: (n: number) => `ausgewählte (${number(n)})`,
    one: 'dieses',
  },

  help: {
    title: 'Tasten und Gesten',
    rows: [
      ['?', 'Dieses Blatt'],
      ['↑ ↓ Pos1 Ende', 'Von Bild zu Bild, von Objekt zu Objekt'],
      ['Leertaste', 'Ein Bild auswählen; mit Umschalt und Pfeilen mehrere'],
      ['Entf', 'Die ausgewählten Bilder entfernen, oder das gewählte Objekt'],
      ['Rad, zwei Finger, + −', 'Zoomen'],
      ['Ziehen, Pfeile', 'Bewegen'],
      ['0', 'Das ganze Bild'],
      ['Ein Objekt drücken', 'Es wählen, hier und in der Tabelle'],
      ['M  S  B  E  N', 'Vereinen, teilen, Pinsel, Radierer, neues Objekt'],
      ['[ ]', 'Kleinerer und größerer Pinsel'],
      ['C, Umschalt C', 'Nächster Kanal, Kanal davor'],
      [', .', 'Seite davor, nächste Seite'],
      ['Esc', 'Zurück zum Ansehen; nichts gewählt'],
      ['Strg Z, Strg Umschalt Z', 'Rückgängig, wiederholen'],
    ] as [keys: string, what: string][],
  },

  problems: {
    unreachable: 'Der Hub antwortet nicht.',
    too_large_on_the_way: 'Ein Proxy auf dem Weg zum Hub nimmt nicht so viel auf einmal; wer ihn betreibt, kann mehr erlauben.',
    sign_in_on_the_way: 'Ein Proxy auf dem Weg zum Hub möchte, dass Sie sich neu anmelden (bitte diese Seite neu laden).',
    cookie_refused: 'Dieser Browser behält kein Cookie dieses Hubs und kann ohne es nicht angemeldet bleiben. Bitte Cookies für diese Seite erlauben.',
    unreadable: 'Diese Datei lässt sich nicht lesen: Seit sie gewählt wurde, ist sie verschoben, geändert oder abgezogen worden, oder ihr Pfad ist zu lang. Bitte neu wählen.',
    access_key_required: 'Dieser Hub verlangt seinen Zugangsschlüssel.',
    unauthorized: 'Diese Sitzung ist vorbei.',
    forbidden: 'Der Hub erlaubt das dieser Seite nicht.',
    not_found: 'Das gibt es auf dem Hub nicht mehr.',
    bad_request: 'Der Hub kann damit nichts anfangen.',
    unknown_model: 'Dieses Modell hat der Hub nicht mehr.',
    too_many_files: 'Das sind zu viele Dateien auf einmal.',
    batch_too_large: 'Diese Dateien sind zusammen zu groß.',
    file_too_large: 'Diese Datei ist zu groß.',
    image_too_large: 'Dieses Bild ist zu groß.',
    unsupported_format: 'Dieses Dateiformat wird hier nicht gelesen.',
    corrupt_image: 'Diese Datei ist beschädigt.',
    revision_conflict: 'Das Ergebnis wurde inzwischen geändert.',
    quota_exceeded: 'Auf dem Hub ist kein Platz mehr für diese Sitzung. Entfernen Sie Bilder.',
    rate_limited: 'Das waren zu viele Anfragen in kurzer Zeit.',
    queue_full: 'Die Warteschlange dieser Sitzung ist voll.',
    gpu_memory_exhausted: 'Für Modelle ist gerade zu wenig Speicher frei.',
    draining: 'Der Hub wird gleich neu gestartet.',
    timeout: 'Das hat zu lange gedauert.',
    unavailable: 'Der Hub kann gerade nicht.',
    inference_failed: 'Das Modell ist gescheitert.',
    internal: 'Im Hub ist etwas schiefgegangen.',
  } as Record<string, string>,

  title: (percent: number) => `${percent} % · SegHub`,
}
