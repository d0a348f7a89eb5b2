/* api/job_row.h: a job as a row and as JSON; internal to api/. */
#ifndef POSTROOM_API_JOB_ROW_H
#define POSTROOM_API_JOB_ROW_H

#include "api/jobs.h"
#include "db/control_job.h"

struct json_t;

struct json_t *job_json(const struct db_job *row);

#endif
