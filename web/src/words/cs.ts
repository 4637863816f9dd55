// All that the page says, in Czech.

import type { Close } from '../lib/closecodes'
import type { Ending } from '../lib/client'
import type { Subject } from '../lib/propose'
import type { Job, Model, Session, Stage } from '../lib/protocol'
import type { Words } from './en'

const locale = 'cs'

function number(n: number, digits = 0): string {
  return n.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** One, two to four, and more have endings of their own. */
function count(n: number, one: string, few = one, many = few): string {
  return `${number(n)} ${n === 1 ? one : n >= 2 && n <= 4 ? few : many}`
}

const images = (n: number): string => count(n, 'snímek', 'snímky', 'snímků')
const objects = (n: number): string => count(n, 'objekt', 'objekty', 'objektů')

function ordinal(n: number): string {
  return `${n}.`
}

function about(seconds: number): string {
  if (seconds < 5) return 'několik sekund'
  if (seconds < 57.5) return `asi ${Math.round(seconds / 5) * 5} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `asi ${minutes} min`
  return `asi ${Math.round(minutes / 60)} h`
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${number(seconds, 1)} s`
  return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
}

const stages: Record<Stage, string> = { '': 'Začíná', decode: 'Čte', infer: 'Segmentuje', postprocess: 'Obkresluje' }

export const cs: Words = {
  locale,
  number,
  count,
  ordinal,
  about,
  duration,
  cancel: 'Zrušit',
  close: 'Zavřít',
  dismiss: 'Skrýt',
  download: 'Stáhnout',

  /** Where a session stands. */
  place(session: Session): string {
    if (session.state === 'waiting') {
      const where = session.position === null ? 'Jste ve frontě' : `Jste ${ordinal(session.position)} ve frontě`
      return session.eta_seconds === null ? `${where}.` : `${where}, ${about(session.eta_seconds)}.`
    }
    if (session.slot !== null) return `Místo ${session.slot + 1} je vaše.`
    return 'Začněte přidáním snímků.'
  },

  stage: (stage: Stage): string => stages[stage] ?? 'Pracuje',

  job(job: Job, waiting: boolean): string {
    switch (job.state) {
      case 'queued':
        return waiting ? 'Čeká na místo' : 'Zařazeno'
      case 'running':
        return stages[job.stage] ?? 'Pracuje'
      case 'done': {
        const { queued, total } = job.timing_ms
        const took = `trvalo ${duration(Math.max(0, total - queued))}`
        return queued < 1_000 ? `Hotovo, ${took}` : `Hotovo, čekalo ${duration(queued)}, ${took}`
      }
      case 'failed':
        return job.error?.detail || job.error?.title || 'Nepovedlo se, a hub neřekl proč.'
      case 'cancelled':
        return 'Zrušeno'
    }
  },

  progress: (stage: string, percent: number): string => `${stage}, ${percent} %`,
  objects,

  cover: {
    over: 'Toto sezení skončilo',
    looking: 'Hledá se hub…',
    trying: (trouble: string) => `${trouble} Stránka to zkouší dál.`,
    again: 'Začít znovu',
    endings: {
      closed: 'Toto sezení bylo ukončeno. Jeho snímky a výsledky jsou smazány.',
      unknown: 'Hub toto sezení už nezná. Možná byl spuštěn znovu, bez své staré fronty.',
      protocol: 'Hub a stránka si nerozumějí. Snad pomůže načíst stránku znovu.',
    } satisfies Record<Ending, string> as Record<Ending, string>,
    waiting: (n: number) => `${count(n, 'soubor, který ještě nedorazil, zůstává a přejde', 'soubory, které ještě nedorazily, zůstávají a přejdou', 'souborů, které ještě nedorazily, zůstává a přejde')} do dalšího sezení.`,
  },

  signIn: {
    what: 'Přetáhněte snímky z mikroskopu a sledujte, jak se jejich objekty obkreslují. Najednou pracuje několik lidí; ostatní vidí své místo ve frontě.',
    name: 'Vaše jméno',
    guest: 'Host',
    key: 'Přístupový klíč',
    keyOf: 'tohoto hubu; má jej jeho správce',
    wrongKey: 'To není přístupový klíč tohoto hubu.',
    start: 'Začít',
    held: (n: number) => `${count(n, 'soubor tu čeká a bude', 'soubory tu čekají a budou', 'souborů tu čeká a bude')} se segmentovat, až začnete.`,
    private: 'Snímky zůstávají na tomto hubu, vidíte je jen vy a s vaším sezením se smažou.',
  },

  header: {
    live: 'Živě',
    connecting: 'Připojuje se…',
    asking: 'Ptá se každé 2 s',
    language: 'Jazyk',
    help: 'Klávesy a gesta',
    end: 'Ukončit sezení',
    endTitle: 'Ukončit toto sezení?',
    endWords: 'Jeho snímky, masky a měření se na hubu smažou a co ještě čeká, se zruší. Co chcete zachovat, si předtím stáhněte.',
    stay: 'Pracovat dál',
  },

  banner: {
    reconnects: 'Stránka se sama znovu připojí a dožene, co se zatím děje. Přidané soubory tu čekají.',
    reconnecting: 'Znovu se připojuje…',
    now: 'Zkusit hned',
    restart: 'Hub se za chvíli spustí znovu.',
    byItself: 'Stránka se sama znovu připojí.',
    asking: 'Proxy na cestě k hubu nepouští živé spojení.',
    askingWords: 'Stránka se místo toho ptá každé 2 sekundy. Proxy musí předávat WebSockety (Upgrade) i jméno (Host), pod kterým byla volána.',
    barred: 'Proxy na cestě k hubu chce, abyste se znovu přihlásili.',
    barredWords: 'Načtěte proto stránku znovu. Do té doby nic neprojde; přidané soubory tu čekají.',
    load: 'Načíst znovu',
    unkept: 'Tento prohlížeč neumí uchovat soubory, které ještě nedorazily.',
    unkeptWords: 'Nechte stránku otevřenou, dokud nedorazí.',
    copying: 'Prohlížeč ještě kopíruje soubory, aby přečkaly nové načtení.',
    copyingWords: 'Nechte stránku zatím otevřenou.',
    away(close: Close): string {
      switch (close.name) {
        case 'going_away':
          return 'Hub se spouští znovu.'
        case 'too_many':
          return 'Toto sezení je otevřeno v příliš mnoha oknech.'
        case 'too_slow':
          return 'Spojení nestačilo.'
        default:
          return 'Spojení se ztratilo.'
      }
    },
  },

  slots: {
    region: 'Místa a fronta',
    list: 'Místa',
    slot: (n: number) => `Místo ${n}`,
    yours: 'vaše',
    down: 'Neběží',
    busy: 'Pracuje',
    ready: 'Připraveno',
    helps: 'Pomáhá vám',
    taken: 'Obsazeno',
    idle: 'Volno',
    line: 'Fronta',
    onCPU: (why: string) => `Snímky trvají déle, na procesoru, dokud nebude hub spuštěn znovu: ${why}.`,
    inLine: (n: number) => `${count(n, 'sezení')} ve frontě. Vaše snímky začnou samy; stránku můžete zavřít.`,
    inWork: (running: number, queued: number) => `V práci: ${images(running)}${queued > 0 ? `, zařazeno ${number(queued)}` : ''}`,
    inUse: (active: number, total: number, waiting: number) => `${active} z ${total} míst obsazeno${waiting > 0 ? `, ${waiting} ve frontě` : ', nikdo nečeká'}`,
    you: (position: number, waiting: number) => `Vy: ${position} z ${waiting}`,
    waiting: (n: number) => `čeká ${n}`,
    worker: (slot: number, device: string, done: number, model: string | null) =>
      `Pracovník ${slot} na ${device}, zatím ${images(done)}${model ? `, teď ${model}` : ''}`,
  },

  add: {
    region: 'Přidat snímky',
    fold: 'Přidat snímky',
    drop: 'Přetáhněte snímky sem',
    or: 'nebo',
    choose: 'vyberte soubory',
    kinds: 'PNG, JPEG, BMP, TIFF a příbuzné jako LSM a NDPI; i celé složky',
    sample: 'Nebo ukázka:',
    veil: 'Pusťte k segmentaci',
  },

  model: {
    region: 'Model',
    label: 'Model pro další snímky',
    proposed: 'Navržený pro každý snímek',
    none: 'Zatím žádný model',
    gone: 'už na hubu není.',
    next: 'Další snímky dostane',
    about: 'O tomto modelu',
    advanced: 'Pokročilé',
    own: 'Jak to má model',
    proposal: (title: string, subject: Subject) =>
      `Navržen ${title}: ${{
        nuclei: 'mnoho malých světlých tělísek na tmavém pozadí vypadá jako jádra.',
        tissue: 'tyto barvy vypadají jako obarvená tkáň, jejíž jádra obkreslí.',
        spheroids: 'nevypadá to jako obarvená jádra, tedy sféroidy.',
      }[subject]}`,
    unseen: (title: string) => `Navržen ${title}, bez pohledu: do tohoto souboru nelze nahlédnout, dokud není na hubu.`,
    edge: 'Vynechat objekty na okraji',
    crumbs: 'Vynechat drobky pod',
    threshold: 'Práh',
    higher: 'Vyšší najde méně, zato jistěji.',
    holes: 'Ponechat díry v objektech',
    split: 'Dělit objekty, které se dotýkají',
    diameter: 'Průměr objektů, px',
    diameterWords: (best: number) => `Prázdné ho nechá najít v každém snímku. Převede je asi na ${number(best)} px, velikost, kterou model zná nejlépe.`,
    pixelSize: 'Velikost pixelu, µm',
    pixelSizeWords: 'Prázdné vezme, co říká soubor.',
    takes: 'Bere',
    learnt: 'Učil se z',
    silent: 'Jeho soubor to neříká.',
    licence: (n: number, licence: string) => `${images(n)}, licence ${licence}`,
    well: 'Jak dobře obstál',
    validation: 'Zkušební snímky',
    pseudo: 'pseudomasky',
    agree: 'Jak se jeho masky shodují s maskami sady: 1 zcela, 0 vůbec.',
    pseudoWords: 'Pseudomasky udělal program, ne lidé.',
    file: 'Soubor',
    unloaded: 'teď není načten, další snímek na něj počká',
    intake({ input }: Pick<Model, 'input'>): string {
      const size = `${input.width} × ${input.height} pixelů`
      const colour = input.channels === 1 ? 'v šedi' : 'v barvě'
      return input.scaling === 'native'
        ? `Snímek ve vlastním rozlišení, ${colour}, v překrývajících se dlaždicích ${size}.`
        : `Celý snímek najednou, ${colour}, zmenšený do ${size}.`
    },
    fileWords({ size_bytes, precision }: Pick<Model, 'size_bytes' | 'precision'>): string {
      const bits = { fp32: '32bitová čísla s plovoucí čárkou', fp16: '16bitová čísla s plovoucí čárkou', int8: '8bitová celá čísla' }
      return `${number(size_bytes / 1e6, 1)} MB, ${bits[precision] ?? precision}`
    },
    /** Parts of the names of validation sets. */
    sets: { cho: 'CHO', dic: 'DIC', val: 'zkušební' } as Record<string, string>,
  },

  list: {
    region: 'Snímky',
    done: (done: number, total: number) => `hotovo ${number(done)} z ${number(total)}`,
    images,
    shown: (shown: number, all: number) => `zobrazeno ${number(shown)} z ${number(all)}`,
    failed: (n: number) => `nepovedlo se ${number(n)}`,
    pace: (perSecond: number, seconds: number) => `${number(perSecond, perSecond < 10 ? 1 : 0)} snímků/s, zbývá ${about(seconds)}`,
    inAll: (n: number) => `celkem ${objects(n)}`,
    cancelAll: 'Zrušit vše',
    retryFailed: 'Zkusit nepovedené',
    search: 'Hledat podle jména',
    state: 'Ukázat',
    states: { all: 'Vše', open: 'Ještě nehotové', done: 'Hotové', failed: 'Nepovedené', cancelled: 'Zrušené' },
    order: 'Pořadí',
    orders: { added: 'Jak přidáno', name: 'Podle jména', count: 'Podle počtu', state: 'Podle stavu' },
    select: (name: string) => `Vybrat ${name}`,
    selectAll: 'Vybrat vše',
    selected: (n: number) => `vybráno ${number(n)}`,
    again: 'Segmentovat znovu',
    remove: 'Odebrat',
    removeTitle: (n: number) => `Odebrat ${images(n)}?`,
    removeWords: (results: number) => `Soubor a všechny výsledky (${number(results)}) se na hubu smažou. Nelze to vzít zpět.`,
    unselect: 'Nevybrat nic',
    cancelOne: (name: string) => `Zrušit ${name}`,
    nothing: 'Takový snímek tu není.',
    uploading: (percent: number) => `Nahrává se, ${percent} %`,
    toUpload: 'Čeká na nahrání',
    later: (why: string) => `${why}: samo se bude pokračovat`,
    looking: 'Prohlíží se',
    doNotUpload: (name: string) => `Nenahrávat ${name}`,
    progressOf: (name: string) => `Průběh ${name}`,
    page: (page: number, pages: number) => `strana ${page} z ${pages}`,
    timing({ timing_ms: { queued, total } }: Pick<Job, 'timing_ms'>): string {
      const took = `trvalo ${duration(Math.max(0, total - queued))}`
      return queued < 1_000 ? took : `čekalo ${duration(queued)}, ${took}`
    },
  },

  refusals: {
    head: (n: number) => `${count(n, 'soubor nebyl přijat', 'soubory nebyly přijaty', 'souborů nebylo přijato')}`,
    again: 'Poslat znovu',
    allAgain: 'Poslat vše znovu',
  },

  image: {
    region: 'Snímek',
    choose: 'Zde se objeví snímek, který vyberete.',
    size: (width: number, height: number) => `${width} × ${height} px`,
    overlay: 'Ukázat',
    overlays: { mask: 'Maska', probability: 'Pravděp.', labels: 'Objekty', none: 'Nic' },
    opacity: 'Krytí',
    outlines: 'Obrysy',
    mask: 'Maska PNG',
    objects: 'Objekty JSON',
    labels: 'Objekty TIFF',
    receipt: 'Doklad',
    receiptTitle: 'Z čeho vznikl tento výsledek',
    again: 'Segmentovat znovu…',
    compare: 'Porovnat s',
    difference: 'Rozdíl',
    onlyHere: 'jen zde',
    onlyThere: 'jen tam',
    both: 'obojí',
    stage: (name: string) => `${name}. Plus a minus mění zvětšení, šipky posouvají, 0 ukáže vše.`,
    zoomIn: 'Zvětšit',
    zoomOut: 'Zmenšit',
    whole: 'Ukázat celý snímek',
    coming: 'Snímek je na cestě…',
    noPicture: 'Obrázek tohoto souboru není.',
    contrast: 'Kontrast',
    black: 'Černá',
    white: 'Bílá',
    gamma: 'Gama',
    auto: 'Auto',
    asFile: 'Jak je',
    forAll: 'Pro všechny snímky',
    histogram: (low: string, high: string) => `Histogram hodnot snímku, ${low} až ${high}`,
    channels: 'Kanály',
    channel: (n: number) => `Kanál ${n}`,
    composite: 'Složený obraz',
    pages: 'Strany',
    page: (n: number) => `Strana ${n}`,
    play: 'Přehrát',
    pause: 'Zastavit',
    measure: 'Práh',
    keep: 'Ponechat',
    keepWords: (n: number) => `${objects(n)} při tomto prahu`,
    back: 'Zpět',
    anew: 'Opravy mezi nimi nejsou; krok zpět je vrátí.',
    pixelSize: 'Velikost pixelu',
    scale: (length: string) => `Měřítko: ${length}`,
  },

  edit: {
    toolbar: 'Opravy',
    tools: { look: 'Prohlížet', merge: 'Spojit', split: 'Rozdělit', brush: 'Štětec', erase: 'Guma', add: 'Nový objekt' },
    hints: {
      look: 'Stiskem objekt vyberete; Delete jej smaže.',
      merge: 'Stiskněte dva objekty, které jsou jeden.',
      split: 'Veďte čáru objektem, který je dva.',
      brush: 'Přetřete, co patří k vybranému objektu.',
      erase: 'Přetřete, co k objektu nepatří.',
      add: 'Přetřete objekt, který nebyl nalezen.',
    },
    byKeys: 'Klávesami v obraze: šipky posouvají, mezerník pero položí a zvedne, Enter čáru ukončí, Shift dělá malé kroky.',
    pen: (down: boolean, object: number | null) => `${down ? 'Pero dole' : 'Pero nahoře'}, ${object === null ? 'žádný objekt' : `objekt ${object}`}`,
    radius: 'Velikost',
    delete: 'Smazat',
    undo: 'Zpět',
    redo: 'Znovu',
    conflict: 'Někdo to zatím opravil: zde je nejnovější. Udělejte to prosím znovu.',
    noObject: 'Žádný objekt tam není.',
  },

  numbers: {
    region: 'Čísla',
    tabs: { objects: 'Objekty', images: 'Snímky', histogram: 'Histogram', export: 'Export' },
    found: (n: number, coverage: number) => `${objects(n)}, ${number(coverage * 100, 1)} % snímku`,
    reading: 'Čte, co se našlo…',
    unmeasured: 'Nic se neměřilo.',
    later: 'Budou zde, až bude snímek hotov.',
    nothing: 'V tomto snímku se nic nenašlo. Nižší práh najde víc.',
    filter: 'Filtr: plocha > 200',
    filterWrong: 'Míra, znaménko a číslo: plocha > 200',
    copy: 'Kopírovat',
    copied: 'Zkopírováno',
    pixels: 'Délky v px, plochy v px².',
    uncalibrated: 'Délky v px, plochy v px²: některý snímek nemá velikost pixelu.',
    micrometres: 'Délky v µm, plochy v µm².',
    measure: 'Míra',
    of: 'Z',
    thisImage: 'tohoto snímku',
    allImages: 'všech snímků',
    noValues: 'Žádný objekt tuto míru nemá.',
    bars: (n: number, low: string, high: string) => `${objects(n)} od ${low} do ${high}`,
    summary: (n: number, mean: string, sd: string, median: string) => `n = ${number(n)}, průměr ${mean}, SD ${sd}, medián ${median}`,
    columns: {
      id: '#', area: 'Plocha', perimeter: 'Obvod', x: 'Střed x', y: 'Střed y', mean_probability: 'Pravděp.',
      equivalent_diameter: 'Průměr', circularity: 'Kruhovost', solidity: 'Solidita', convexity: 'Konvexita', extent: 'Výplň',
      aspect_ratio: 'Poměr stran', feret_max: 'Feret max', feret_min: 'Feret min', sphericity: 'Sféricita', compactness: 'Kompaktnost',
      mean_intensity: 'Průměrná intenzita', sd_intensity: 'SD intenzity', integrated_intensity: 'Součet intenzity',
      image: 'Snímek', model: 'Model', count: 'Objekty', total_area: 'Celková plocha', mean_area: 'Průměrná plocha', coverage: 'Pokryto',
    } as Record<string, string>,
    more: 'Sloupce',
    exportOf: 'Co exportovat',
    exportAll: (n: number) => `vše hotové (${number(n)})`,
    exportSelected: (n: number) => `vybrané (${number(n)})`,
    exportThis: 'tento snímek',
    coming: (size: string) => `zatím ${size}`,
    formats: {
      csv: ['CSV', 'Tabulka všech objektů'],
      xlsx: ['Excel', 'Totéž jako sešit'],
      masks: ['Masky', 'PNG, bílá na černé'],
      labels: ['Objekty', 'TIFF, číslo pro každý objekt'],
      imagej: ['ImageJ', 'Obrysy pro ROI Manager'],
      geojson: ['QuPath', 'Obrysy jako GeoJSON'],
      coco: ['COCO', 'Obrysy k učení'],
      yolo: ['YOLO', 'Obrysy k učení'],
      all: ['Všechno', 'S doklady, jako zip'],
    } as Record<string, [title: string, words: string]>,
  },

  again: {
    title: (n: number) => `Segmentovat znovu: ${images(n)}`,
    words: 'Co se našlo předtím, zůstane vedle.',
    go: 'Segmentovat',
    asBefore: 'jako dosud',
    which: 'Které snímky',
    all: (n: number) => `všechny (${number(n)})`,
    selected: (n: number) => `vybrané (${number(n)})`,
    one: 'tento',
  },

  help: {
    title: 'Klávesy a gesta',
    rows: [
      ['?', 'Tento list'],
      ['↑ ↓ Home End', 'Od snímku ke snímku, od objektu k objektu'],
      ['Mezerník', 'Vybrat snímek; se Shiftem a šipkami více'],
      ['Delete', 'Odebrat vybrané snímky nebo vybraný objekt'],
      ['Kolečko, dva prsty, + −', 'Zvětšení'],
      ['Tažení, šipky', 'Posun'],
      ['0', 'Celý snímek'],
      ['Stisk objektu', 'Vybrat jej, zde i v tabulce'],
      ['M  S  B  E  N', 'Spojit, rozdělit, štětec, guma, nový objekt'],
      ['[ ]', 'Menší a větší štětec'],
      ['C, Shift C', 'Další kanál, předchozí kanál'],
      [', .', 'Předchozí strana, další strana'],
      ['Esc', 'Zpět k prohlížení; nic není vybráno'],
      ['Ctrl Z, Ctrl Shift Z', 'Zpět, znovu'],
    ] as [keys: string, what: string][],
  },

  problems: {
    unreachable: 'Hub neodpovídá.',
    too_large_on_the_way: 'Proxy na cestě k hubu nebere tolik najednou; jeho správce může povolit více.',
    sign_in_on_the_way: 'Proxy na cestě k hubu chce, abyste se znovu přihlásili (načtěte prosím stránku znovu).',
    cookie_refused: 'Tento prohlížeč si cookie tohoto hubu nenechává a bez něj nemůže zůstat přihlášen. Povolte prosím této stránce cookies.',
    unreadable: 'Tento soubor nelze přečíst: od výběru byl přesunut, změněn nebo odpojen, nebo je jeho cesta příliš dlouhá. Vyberte jej prosím znovu.',
    access_key_required: 'Tento hub vyžaduje přístupový klíč.',
    unauthorized: 'Toto sezení skončilo.',
    forbidden: 'Hub to této stránce nedovolí.',
    not_found: 'To už na hubu není.',
    bad_request: 'Hub si s tím neví rady.',
    unknown_model: 'Tento model už hub nemá.',
    too_many_files: 'To je příliš mnoho souborů najednou.',
    batch_too_large: 'Tyto soubory jsou dohromady příliš velké.',
    file_too_large: 'Tento soubor je příliš velký.',
    image_too_large: 'Tento snímek je příliš velký.',
    unsupported_format: 'Tento formát souboru se tu nečte.',
    corrupt_image: 'Tento soubor je poškozený.',
    revision_conflict: 'Výsledek mezitím někdo změnil.',
    quota_exceeded: 'Pro toto sezení už na hubu není místo. Odeberte některé snímky.',
    rate_limited: 'To bylo příliš mnoho dotazů za krátkou dobu.',
    queue_full: 'Fronta tohoto sezení je plná.',
    gpu_memory_exhausted: 'Pro modely teď není dost volné paměti.',
    draining: 'Hub se za chvíli restartuje.',
    timeout: 'Trvalo to příliš dlouho.',
    unavailable: 'Hub teď nemůže.',
    inference_failed: 'Model selhal.',
    internal: 'V hubu se něco pokazilo.',
  } as Record<string, string>,

  title: (percent: number) => `${percent} % · SegHub`,
}
