import { Logger, makeWorkerUtils, run as runWorker } from 'graphile-worker'
import pg from 'pg'
import { connections, insertAll, run } from './peer.js'

// Standard output is for our messages.
const logger = new Logger(() => (level, message) => { if (level === 'error') console.error(message) })

function open (database) {
  const pool = new pg.Pool({ connectionString: database, max: connections, application_name: 'graphile' })
  return pool.on('error', error => { throw error })
}

// It keeps no finished jobs, so there are none to fill.
async function fill ({ database, schema, pending }) {
  const pgPool = open(database)
  const utils = await makeWorkerUtils({ pgPool, schema, logger })
  await utils.migrate()
  await insertAll(pending, list => utils.addJobs(list.map(payload => ({ identifier: 'bench', payload }))))
  await utils.release()
  await pgPool.query(`VACUUM (ANALYZE) ${schema}._private_jobs`)
  await pgPool.end()
}

// A job is done when it is deleted.
async function work ({ database, schema, processes, best }, stored) {
  const pgPool = open(database)
  pgPool.on('connect', client => {
    const query = client.query
    client.query = async (...args) => {
      const result = await query.apply(client, args)
      if (result?.command === 'DELETE') stored(result.rowCount)
      return result
    }
  })
  const runner = await runWorker({
    pgPool, schema, logger,
    noHandleSignals: true,
    taskList: { bench: async () => {} },
    preset: {
      worker: {
        concurrentJobs: Math.max(1, Math.floor(best.concurrency / processes)),
        localQueue: { size: best.local_queue },
        completeJobBatchDelay: best.complete_delay_ms,
        failJobBatchDelay: best.complete_delay_ms
      }
    }
  })
  return async () => {
    await runner.stop()
    await pgPool.end()
  }
}

run({ fill, work })
