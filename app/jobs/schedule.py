"""What runs when; read by the scheduler (`rq cron`)."""

from rq import cron

from app.jobs import alert_rules, alerts, books, maintenance, rollouts, webhooks

cron.register(maintenance.make_partitions, queue_name="default", cron="7 * * * *")
cron.register(maintenance.purge_content, queue_name="default", cron="17 * * * *")
cron.register(maintenance.purge_leftovers, queue_name="default", cron="27 * * * *")
cron.register(maintenance.purge_usage, queue_name="default", cron="37 * * * *")
cron.register(maintenance.purge_sessions, queue_name="default", cron="47 * * * *")
cron.register(maintenance.fill_usage, queue_name="default", cron="*/10 * * * *")
cron.register(books.check_recent, queue_name="default", cron="*/5 * * * *", job_timeout=600)
cron.register(books.check_all, queue_name="default", cron="43 3 * * *", job_timeout=7200)
cron.register(alerts.redrive, queue_name="default", cron="* * * * *")
cron.register(rollouts.tend, queue_name="default", cron="* * * * *")
cron.register(webhooks.redrive, queue_name="default", cron="* * * * *")
cron.register(webhooks.purge, queue_name="default", cron="57 * * * *")
cron.register(alert_rules.check, queue_name="default", cron="* * * * *")
