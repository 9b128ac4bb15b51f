// Plays with examples/game_state.lua: HOST PORT PLAYERS TICKS LOSS. Half of the players
// come late; each loses a part LOSS of what comes and of what it says. Ends when each has
// got so many ticks, after 20 seconds at most. Prints what was got, as JSON: `wrong`
// counts states whose sum is not the one that was told, `whole` those told whole.
const dgram = require('dgram')

const [host, port, players, ticks, loss] =
  process.argv.slice(2).map((text, i) => i === 0 ? text : Number(text))

const SUM = 1000003
const THINGS = 400
const total = { wrong: 0, whole: 0, lost: 0, parts: 0 }

// What a datagram says; many players get the same one.
const parsed = new Map()
function parse(text) {
  let update = parsed.get(text)
  if (update) return update
  const [head, ...things] = text.split('|')
  const [tick, base, part, parts, sum] = head.split(' ').map(Number)
  update = { tick, base, part, parts, sum,
    things: things.filter(Boolean).map((thing) => thing.split(' ').map(Number)) }
  if (parsed.size > 100) parsed.clear()
  parsed.set(text, update)
  return update
}

// The sum of a state, which has x and y of each thing one behind the other.
function sumOf(state) {
  let sum = 0
  for (let id = 1; id < THINGS; id++) sum += id * (state[2 * id] * 1000 + state[2 * id + 1])
  return sum % SUM
}

class Player {
  constructor() {
    this.states = new Map([[0, new Int32Array(2 * THINGS)]]) // by tick
    this.latest = 0
    this.token = '0'
    this.parts = new Map() // by tick: what came of it
    this.ticks = 0
    this.socket = dgram.createSocket('udp4')
    this.socket.on('message', (msg) => this.hear(msg.toString()))
    this.socket.connect(port, host, () => this.say())
    this.timer = setInterval(() => this.say(), 200) // what is lost is said again
  }

  say() {
    if (Math.random() < loss) return
    this.socket.send(`ack ${this.latest} ${this.token}`, () => {})
  }

  hear(text) {
    if (Math.random() < loss) { total.lost++; return }
    if (text.startsWith('token ')) {
      this.token = text.slice(6)
      return this.say()
    }
    const update = parse(text)
    if (update.tick <= this.latest || !this.states.has(update.base)) return
    total.parts = Math.max(total.parts, update.parts)
    const key = `${update.tick} ${update.base}`
    const got = this.parts.get(key) || new Map()
    this.parts.set(key, got.set(update.part, update.things))
    if (got.size === update.parts) this.apply(update, [...got.values()])
  }

  apply({ tick, base, sum }, parts) {
    const state = this.states.get(base).slice()
    for (const things of parts) {
      for (const [id, x, y] of things) {
        state[2 * id] = x
        state[2 * id + 1] = y
      }
    }
    if (sumOf(state) !== sum) total.wrong++
    if (base === 0) total.whole++
    this.states.set(tick, state)
    this.latest = tick
    this.ticks++
    this.parts.clear()
    for (const old of this.states.keys()) {
      if (old !== 0 && old < tick - 60) this.states.delete(old)
    }
    this.say()
  }

  stop() {
    clearInterval(this.timer)
    this.socket.close()
  }
}

const all = []
const fewest = () => Math.min(...all.map((player) => player.ticks))
const join = (count) => { for (let i = 0; i < count; i++) all.push(new Player()) }

function finish() {
  clearInterval(watch)
  clearTimeout(limit)
  console.log(JSON.stringify({ ...total, players: all.length, fewest: fewest() }))
  for (const player of all) player.stop()
}

join(Math.ceil(players / 2))
const watch = setInterval(() => {
  if (all.length < players && fewest() >= ticks / 2) join(players - all.length)
  else if (all.length === players && fewest() >= ticks) finish()
}, 50)
const limit = setTimeout(finish, 20000)
