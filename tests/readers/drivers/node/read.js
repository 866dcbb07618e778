// Lists archives: `read.js tar|tar-stream ARCHIVE...`, with node-tar, which gunzips by itself, or with tar-stream.
const { createHash } = require('node:crypto')
const { createReadStream } = require('node:fs')
const { pipeline } = require('node:stream/promises')
const { createGunzip } = require('node:zlib')

async function nodeTar (path, found) {
  const tar = require('tar')
  const parser = new tar.Parser({ strict: true })
  const hashing = []
  parser.on('entry', entry => {
    const digest = createHash('sha256')
    entry.on('data', data => digest.update(data))
    hashing.push(entry.promise().then(() => found(entry.path, digest.digest('hex'))))
  })
  await new Promise((resolve, reject) => {
    parser.on('end', resolve)
    parser.on('error', reject)
    createReadStream(path).on('error', reject).pipe(parser)
  })
  await Promise.all(hashing)
}

async function tarStream (path, found) {
  const extract = require('tar-stream').extract()
  extract.on('entry', (header, stream, next) => {
    const digest = createHash('sha256')
    stream.on('data', data => digest.update(data))
    stream.on('end', () => { found(header.name, digest.digest('hex')); next() })
    stream.on('error', next)
  })
  await pipeline(createReadStream(path), createGunzip(), extract)
}

async function main () {
  const read = { tar: nodeTar, 'tar-stream': tarStream }[process.argv[2]]
  for (const path of process.argv.slice(3)) {
    const lines = []
    try {
      await read(path, (name, digest) => lines.push(`${name}\t${digest}\n`))
      process.stdout.write(lines.join('') + 'end\n')
    } catch (error) {
      console.error(`${path}: ${error}`)
      process.stdout.write('failed\n')
    }
  }
}

main()
