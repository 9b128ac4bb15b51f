// hot-shots sends each type of metric, several a datagram, to HOST PORT, or to the
// unix socket PATH.
const StatsD = require('hot-shots')

const [host, port] = process.argv.slice(2)
const where = port ? { host, port: Number(port) } : { protocol: 'uds', path: host }
const client = new StatsD({ ...where, maxBufferSize: 1000, prefix: 'shop.',
  errorHandler: console.error })

client.increment('orders')
client.increment('orders', 4)
client.decrement('orders')
client.gauge('load', 0.75)
client.gaugeDelta ? client.gaugeDelta('load', 1) : client.gauge('load', '+1')
client.timing('query', 10)
client.timing('query', 30)
client.histogram('size', 7)
client.unique('users', 'ann')
client.unique('users', 'bob')
client.unique('users', 'ann')
client.increment('tagged', 1, { shop: 'bern' })
client.event('not a metric', 'refused')
client.close((err) => console.log(err ? String(err) : 'sent'))
